# Shared by the scripts of this folder: where the program and the datasets are.
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
if [ -z "${METERLINE:-}" ]; then
    METERLINE=meterline
    [ -x "$here/../../build/meterline" ] && METERLINE=$here/../../build/meterline
fi
# METERLINE_DATASETS: the folder with household_power_consumption.txt, Water_WHW.csv and NaturalGas_FRG.csv, or .gz of them.
dataset() {
    local folder
    for folder in "${METERLINE_DATASETS:-.}" "$here/../../share/sample"; do
        for name in "$folder/$1.gz" "$folder/$1"; do
            [ -f "$name" ] && echo "$name" && return
        done
    done
    echo "$(basename "$0"): $1 (or $1.gz) is not in ${METERLINE_DATASETS:-.}: set METERLINE_DATASETS to the folder that has it" >&2
    return 1
}
wrong() {
    echo "$(basename "$0"): $*" >&2
    exit 2
}
