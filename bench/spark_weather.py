"""The weather topic with Spark: Structured Streaming writes what is available as raw Parquet, then both aggregates follow.

spark_weather.py BROKERS TOPIC FOLDER
"""
import pathlib
import shutil
import sys

from pyspark.sql import SparkSession, functions as f

brokers, topic, folder = sys.argv[1:]
jars = pathlib.Path(sys.prefix) / "kafka"
shutil.rmtree(folder, ignore_errors=True)

session = (SparkSession.builder.master("local[2]").config("spark.jars", ",".join(map(str, jars.glob("*.jar"))))
           .config("spark.driver.memory", "2g").config("spark.sql.shuffle.partitions", "4")
           .config("spark.sql.session.timeZone", "UTC").config("spark.ui.enabled", "false").getOrCreate())
session.sparkContext.setLogLevel("ERROR")
session.range(1).count()

# As in the benchmarks with DuckDB: the clock starts when everything is loaded.
print("ready", flush=True)
input()

messages = (session.readStream.format("kafka").option("kafka.bootstrap.servers", brokers).option("subscribe", topic)
            .option("startingOffsets", "earliest").load())
raw = messages.select("partition", "offset", "timestamp", f.col("key").cast("string"), f.col("value").cast("string"))
(raw.writeStream.format("parquet").option("path", f"{folder}/raw").option("checkpointLocation", f"{folder}/checkpoint")
 .trigger(availableNow=True).start().awaitTermination())

schema = "_ingest_ts string, _city string, name string, dt bigint, main struct<temp: double, humidity: double>"
reading = f.from_json("value", schema)
readings = (session.read.parquet(f"{folder}/raw").select(reading.alias("r")).select(
    f.coalesce("r._city", "r.name").alias("city"),
    f.coalesce(f.to_timestamp("r._ingest_ts"), f.timestamp_seconds("r.dt")).alias("event_time"),
    "r.main.temp", "r.main.humidity"))
for name, length in (("5min", "5 minutes"), ("hourly", "1 hour")):
    (readings.groupBy("city", f.window("event_time", length))
     .agg(f.avg("temp"), f.avg("humidity"), f.min("temp"), f.max("temp"), f.count("*"))
     .write.mode("overwrite").parquet(f"{folder}/{name}"))
# Waited for, so that what it used is counted.
gateway = session.sparkContext._gateway
session.stop()
gateway.shutdown()
gateway.proc.stdin.close()
gateway.proc.wait()
