#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# start.sh DIR : OpenSearch 2.19 as an Elasticsearch 7.10 API, one node, no
# security.  HEAP: Java heap, default 384m; SETTINGS: more lines for
# opensearch.yml (a queue of one for rejections, say).  Prints ES_URL.
. "$(dirname "$0")/../lib.sh"
need curl

install() {
    maven_jars "$HERE/pom.xml" "$1" && javac -cp "$1/*" -d "$1" "$HERE/Server.java"
}

port HTTP_PORT
port TRANSPORT_PORT
jars=$(once opensearch "$HERE/pom.xml" "$HERE/Server.java" -- install)
mkdir -p "$DIR/config" "$DIR/tmp"
sed -e "s|@DIR@|$DIR|; s|@HTTP_PORT@|$HTTP_PORT|; s|@TRANSPORT_PORT@|$TRANSPORT_PORT|" \
    "$HERE/opensearch.yml.in" >"$DIR/config/opensearch.yml"
printf '%s\n' "${SETTINGS:-}" >>"$DIR/config/opensearch.yml"

spawn java "-Xmx${HEAP:-384m}" -XX:+UseSerialGC -XX:TieredStopAtLevel=1 \
    -Djava.io.tmpdir="$DIR/tmp" -Dlog4j2.configurationFile="$HERE/log4j2.properties" \
    -Dopensearch.networkaddress.cache.ttl=60 -cp "$jars:$jars/*" Server "$DIR"
ready 120 curl -sf "http://127.0.0.1:$HTTP_PORT/_cluster/health?wait_for_status=yellow&timeout=1s"
publish ES_URL="http://127.0.0.1:$HTTP_PORT" HTTP_PORT="$HTTP_PORT" TRANSPORT_PORT="$TRANSPORT_PORT"
