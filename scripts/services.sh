# Makes ready what the tests talk to. To be sourced; leaves TEST_POSTGRES_URL,
# TEST_REDIS_URL and TEST_RABBITMQ_URL in the environment.
#
# What is missing is installed and started when we are root on Debian; otherwise this
# fails at once and names the packages. EMBEDDED=1 leaves the servers out. A PostgreSQL
# that does not let us in is left alone: a private one is started for the tests.

services_fail() {
    echo "magicshot: $*" >&2
    exit 1
}

port_answers() {
    "$BIN/python" -c '
import socket, sys
try:
    socket.create_connection(("127.0.0.1", int(sys.argv[1])), 2).close()
except OSError:
    sys.exit(1)' "$1"
}

wait_for_port() {
    tries=0
    until port_answers "$1"; do
        tries=$((tries + 1))
        [ $tries -lt 60 ] || services_fail "nothing answers on port $1 after a minute."
        sleep 1
    done
}

postgres_bin() {
    for folder in /usr/lib/postgresql/*/bin; do
        [ -x "$folder/initdb" ] && echo "$folder" && return
    done
    dirname "$(command -v initdb || echo /nowhere/initdb)"
}

lets_us_in() {
    "$BIN/python" -c '
import sys, psycopg
try:
    psycopg.connect(sys.argv[1], connect_timeout=3).close()
except psycopg.OperationalError:
    sys.exit(1)' "$1"
}

# Start a PostgreSQL of our own in $TMPDIR, as the user postgres when we are root.
private_postgres() {
    folder=$TMPDIR/postgres
    port=$("$BIN/python" -c '
import socket
with socket.socket() as free:
    free.bind(("127.0.0.1", 0))
    print(free.getsockname()[1])')
    mkdir -p "$folder"
    as=
    if [ "$(id -u)" = 0 ]; then
        chown postgres "$folder"
        as="runuser -u postgres --"
    fi
    bin=$(postgres_bin)
    $as "$bin/initdb" --auth=trust --username=postgres --pgdata="$folder/data" >/dev/null
    $as "$bin/pg_ctl" --pgdata="$folder/data" --log="$folder/log" --wait --silent \
        -o "-p $port -c listen_addresses=127.0.0.1 -c unix_socket_directories=''" start
    trap '$as "$bin/pg_ctl" --pgdata="$folder/data" --mode=fast --silent stop' EXIT
    TEST_POSTGRES_URL=postgres://postgres@127.0.0.1:$port/postgres
}

missing=
command -v chromium >/dev/null || missing="$missing chromium"
if [ -z "${EMBEDDED:-}" ]; then
    [ -x "$(postgres_bin)/initdb" ] || missing="$missing postgresql"
    command -v redis-server >/dev/null || missing="$missing redis-server"
    command -v rabbitmq-server >/dev/null || missing="$missing rabbitmq-server"
fi
if [ -n "$missing" ]; then
    if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
        services_fail "the tests need:$missing. Install them, or run the partial" \
            "suite without PostgreSQL, Redis and RabbitMQ: make test EMBEDDED=1"
    fi
    echo "== Installing$missing"
    apt-get update -qq
    # shellcheck disable=SC2086
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends \
        $missing >/dev/null
fi

if [ -z "${EMBEDDED:-}" ]; then
    : "${TEST_POSTGRES_URL:=postgres://postgres@127.0.0.1:5432/postgres}"
    : "${TEST_REDIS_URL:=redis://127.0.0.1:6379/0}"
    : "${TEST_RABBITMQ_URL:=amqp://guest:guest@127.0.0.1:5672//}"
    lets_us_in "$TEST_POSTGRES_URL" || private_postgres
    if ! port_answers 6379; then
        redis-server --daemonize yes --bind 127.0.0.1 --port 6379 --save '' \
            --appendonly no --dir "$TMPDIR" --logfile "$TMPDIR/redis.log" >/dev/null
        wait_for_port 6379
    fi
    if ! port_answers 5672; then
        rabbitmq-server -detached
        wait_for_port 5672
    fi
    export TEST_POSTGRES_URL TEST_REDIS_URL TEST_RABBITMQ_URL
fi
