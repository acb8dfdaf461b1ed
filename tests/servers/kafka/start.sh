#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# start.sh DIR : Kafka 3.9 in KRaft mode, every node broker and controller.
#
# Environment:
#   NODES     number of nodes, 1 (default) or 3; node n lives in DIR/n and can
#             be stopped or killed alone; a second start.sh starts it again
#   PARTITIONS  of a topic that its first use creates, default 1
#   HEAP      Java heap of each node, default 256m
# Prints the bootstrap list of each listener: KAFKA_PLAIN (open), KAFKA_TLS
# (client certificate), KAFKA_SCRAM (TLS and password).
. "$(dirname "$0")/../lib.sh"
need openssl kcat

jars=$(once kafka "$HERE/pom.xml" -- maven_jars "$HERE/pom.xml")
nodes=$(seq "${NODES:-1}")
TOP=$DIR
TLS=$TOP/tls
COPIES=${NODES:-1}
MIN_ISR=$(((COPIES + 1) / 2))
USER_NAME=leat
USER_PASSWORD=leat-secret

# One authority; a server certificate for loopback; a client certificate.
make_certificates() {
    rm -rf "$TLS.part"
    mkdir "$TLS.part"
    cd "$TLS.part"
    echo subjectAltName=DNS:localhost,IP:127.0.0.1 >names
    for who in ca server client; do
        openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out $who.key
    done
    openssl req -x509 -key ca.key -subj /CN=test-authority -days 3650 -out ca.pem
    for who in server client; do
        openssl req -new -key $who.key -subj /CN=$who |
            openssl x509 -req -CA ca.pem -CAkey ca.key -CAcreateserial \
                -days 3650 -extfile names -out $who.pem
    done
    cat server.key server.pem >server-store.pem
    mv "$TLS.part" "$TLS"
}

# In a node's own folder: what node $1 needs, and its ports in DIR/env.
choose_ports() {
    port PLAIN_PORT
    port TLS_PORT
    port SCRAM_PORT
    port CONTROLLER_PORT
    publish PLAIN_PORT="$PLAIN_PORT" TLS_PORT="$TLS_PORT" SCRAM_PORT="$SCRAM_PORT" \
        CONTROLLER_PORT="$CONTROLLER_PORT" >/dev/null
}

write_properties() {
    sed -e "s|@NODE@|$1|; s|@VOTERS@|$voters|; s|@DIR@|$DIR|; s|@TLS@|$TLS|" \
        -e "s|@PLAIN_PORT@|$PLAIN_PORT|; s|@TLS_PORT@|$TLS_PORT|; s|@SCRAM_PORT@|$SCRAM_PORT|" \
        -e "s|@CONTROLLER_PORT@|$CONTROLLER_PORT|" \
        -e "s|@COPIES@|$COPIES|; s|@MIN_ISR@|$MIN_ISR|; s|@PARTITIONS@|${PARTITIONS:-1}|" \
        "$HERE/server.properties.in" >"$DIR/server.properties"
}

kafka() {   # the command line of one Kafka main class
    java_command=(java "-Xmx$1" -XX:+UseSerialGC -XX:TieredStopAtLevel=1
        -Djava.net.preferIPv4Stack=true
        -Dlog4j.configuration="file:$HERE/log4j.properties" -cp "$jars/*" "${@:2}")
}

format() {
    kafka 64m kafka.tools.StorageTool format --cluster-id bGVhdC10ZXN0LWNsdXN0ZQ \
        --config "$DIR/server.properties" \
        --add-scram "SCRAM-SHA-256=[name=$USER_NAME,password=$USER_PASSWORD]" \
        --add-scram "SCRAM-SHA-512=[name=$USER_NAME,password=$USER_PASSWORD]"
    "${java_command[@]}" >"$DIR/format.log" 2>&1 || die "format failed, see $DIR/format.log"
}

# A node is ready when it serves and knows all others: before that a new topic
# cannot get its copies.
sees_all() { kcat -L -m 2 -b "127.0.0.1:$PLAIN_PORT" | grep -q "^ $COPIES brokers:"; }

[ -d "$TLS" ] || (make_certificates >"$TOP/tls.log" 2>&1) || die "openssl failed, see $TOP/tls.log"

voters=
for n in $nodes; do
    mkdir -p "$TOP/$n"
    (DIR=$TOP/$n choose_ports)
    voters=$voters${voters:+,}$n@127.0.0.1:$(sed -n 's/^CONTROLLER_PORT=//p' "$TOP/$n/env")
done

# A start that fails leaves nothing running.
trap 'status=$?; cat "$TOP"/*/pid >"$TOP/pid" 2>/dev/null; [ $status = 0 ] || "$HERE/../stop.sh" "$TOP"' EXIT
for n in $nodes; do
    DIR=$TOP/$n
    . "$DIR/env"
    if [ -f "$DIR/pid" ] && alive "$(cat "$DIR/pid")"; then continue; fi
    write_properties "$n"
    [ -f "$DIR/data/meta.properties" ] || format
    kafka "${HEAP:-256m}" kafka.Kafka "$DIR/server.properties"
    spawn "${java_command[@]}"
done
for n in $nodes; do
    DIR=$TOP/$n
    . "$DIR/env"
    ready 90 sees_all
done

list() {   # list LISTENER : the addresses of all nodes
    for n in $nodes; do
        sed -n "s/^$1_PORT=/127.0.0.1:/p" "$TOP/$n/env"
    done | paste -sd,
}
DIR=$TOP
publish KAFKA_PLAIN="$(list PLAIN)" KAFKA_TLS="$(list TLS)" KAFKA_SCRAM="$(list SCRAM)" \
    KAFKA_CA="$TLS/ca.pem" KAFKA_CLIENT_CERT="$TLS/client.pem" KAFKA_CLIENT_KEY="$TLS/client.key" \
    KAFKA_USER=$USER_NAME KAFKA_PASSWORD=$USER_PASSWORD
