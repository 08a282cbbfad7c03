"""What the benchmarks read: databases in MariaDB, one CSV file and its copy in a bucket, topics. Made once, then kept."""
import hashlib
import os
import pathlib
import subprocess

top = pathlib.Path(__file__).resolve().parent.parent
state = pathlib.Path(os.environ.get("STACK_DIR") or top / ".stack")
items_csv = state.resolve() / "bench" / "items.csv"

WIDE = f"""
CREATE TABLE wide (id int PRIMARY KEY, {", ".join(f"c{i} varchar(40) NOT NULL" for i in range(1, 21))}) ENGINE=InnoDB;
INSERT INTO wide SELECT seq, {", ".join(f"CONCAT(MD5(seq * 20 + {i}), 'abcdefgh')" for i in range(1, 21))}
FROM seq_1_to_500000;
"""


def mariadb(*arguments, **options):
    return subprocess.run([*mariadb_command(), *arguments], check=True, text=True, **options)


def mariadb_command():
    return ["mariadb", "--no-defaults", f"--host={os.environ['MYSQL_HOST']}", f"--port={os.environ['MYSQL_PORT']}",
            f"--user={os.environ['MYSQL_USER']}", "--default-character-set=utf8mb4"]


def load(database, script):
    """The database's comment says which script made it; it is written last."""
    mark = hashlib.sha256(script.encode()).hexdigest()
    known = mariadb("-BNe", f"SELECT schema_comment FROM information_schema.schemata WHERE schema_name = '{database}'",
                    stdout=subprocess.PIPE).stdout.strip()
    if known == mark:
        return
    print(f"Loading MariaDB's {database}", flush=True)
    mariadb("-e", f"DROP DATABASE IF EXISTS {database}; CREATE DATABASE {database} DEFAULT CHARACTER SET utf8mb4")
    mariadb(database, input=script)
    mariadb("-e", f"ALTER DATABASE {database} COMMENT '{mark}'")


def load_retail(scale):
    database = f"bench_retail_{scale}"
    load(database, f"SET @scale = {scale};\n" + (top / "stack" / "retail.sql").read_text())
    return database


def load_wide():
    load("bench_wide", WIDE)
    return "bench_wide"


def s3(method, path, *arguments):
    """One request, signed by curl: not by the code that is measured."""
    answer = subprocess.run(["curl", "-s", "-o", "/dev/null", "-w", "%{http_code}", "--aws-sigv4", "aws:amz:us-east-1:s3",
                             "--user", f"{os.environ['S3_ACCESS_KEY']}:{os.environ['S3_SECRET_KEY']}", "-X", method,
                             *arguments, f"{os.environ['S3_ENDPOINT']}/{path}"], stdout=subprocess.PIPE, text=True)
    if answer.stdout not in ("200", "409"):  # 409: the bucket is there already
        raise SystemExit(f"bench: {method} {path} was answered {answer.stdout}")


def make_bucket(bucket):
    s3("PUT", bucket)


def load_csv(bucket, database):
    """order_items as a CSV file that PostgreSQL's user can read, and the same bytes in the bucket."""
    if items_csv.exists():
        return
    print("Writing order_items as CSV", flush=True)
    items_csv.parent.mkdir(exist_ok=True)
    items_csv.parent.chmod(0o755)
    draft = items_csv.with_suffix(".draft")
    with draft.open("w") as file:
        columns = subprocess.Popen([*mariadb_command(), "--quick", "--batch", database, "-e", "SELECT * FROM order_items"],
                                   stdout=subprocess.PIPE)
        subprocess.run(["tr", "\\t", ","], stdin=columns.stdout, stdout=file, check=True)
        if columns.wait() != 0:
            raise SystemExit("bench: cannot read order_items")
    make_bucket(bucket)
    s3("PUT", f"{bucket}/items/items.csv", "-H", "x-amz-content-sha256: UNSIGNED-PAYLOAD", "-T", str(draft))
    draft.chmod(0o644)
    draft.rename(items_csv)


def kafka(tool, *arguments):
    return subprocess.run([tool, *arguments], check=True, stdout=subprocess.PIPE, text=True).stdout


def load_topic(tool, topic, messages, partitions):
    """A week of readings of twenty cities, compressed by lz4."""
    known = subprocess.run([tool, "watermarks", topic], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True).stdout
    if sum(int(high) - int(low) for _, low, high in (line.split() for line in known.splitlines())) == messages:
        return topic
    print(f"Writing {messages:,} messages to Kafka's {topic}", flush=True)
    kafka(tool, "delete", topic)
    kafka(tool, "create", topic, str(partitions), "retention.ms=-1")
    kafka(tool, "flood", topic, str(messages), "1767225600", str(7 * 86400), "20", "1")
    return topic
