"""Real servers for tests, benches and the demo: Kafka, a schema registry, Cassandra and Redis, each on free ports of 127.0.0.x with its data in a folder of its own."""
