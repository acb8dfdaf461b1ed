/* SPDX-License-Identifier: Apache-2.0 */
/* codes.c: the table of codes: what `leat explain E204` tells. Codes are never reused for something else.
 *
 * E1xx the file as YAML, E2xx the structure of a flow, E3xx expressions, E4xx plugins and their options, W5xx warnings,
 * N6xx notes. */
#include "core/config/config.h"

static const struct code_doc codes[] = {
    {"E101", "the file cannot be read",
     "The path is wrong, or the file may not be read by this user.\n\nNext: check the path and its permissions."},
    {"E102", "the file is no YAML",
     "The reader met something that YAML does not allow at this place; often a quote, a bracket or an indentation that "
     "does not\n"
     "close one line above.\n\nNext: look at the marked place and at the line before it."},
    {"E103", "a value needs quotes",
     "YAML gives { } [ ] , : # and quotes a meaning of its own, so an expression with them must be quoted, or stand "
     "alone on its line\n"
     "in block style.\n\n  wrong   with: {where: status in ('x', 'y')}\n  right   with: {where: \"status in ('x', "
     "'y')\"}\n"
     "  right   with:\n            where: status in ('x', 'y')"},
    {"E104", "a comma cut an expression",
     "Within { } and [ ] a comma ends a value that has no quotes; the rest became a key of its own.\n\n"
     "  wrong   fields: {x: coalesce(a, b)}\n  right   fields: {x: \"coalesce(a, b)\"}"},
    {"E105", "a comment cut an expression",
     "In YAML a blank and a # begin a comment, inside an expression too.\n\n"
     "  wrong   where: name like 'lot #%'\n  right   where: \"name like 'lot #%'\"\n\n"
     "A comment belongs on a line of its own here."},
    {"E106", "yes, no, on and off without quotes",
     "YAML 1.1 reads them as true and false, YAML 1.2 as words. Flows do not guess.\n\nNext: write true or false, or "
     "quote the word: \"no\"."},
    {"E107", "a key is there twice",
     "Of two values for one key one would be lost.\n\nNext: remove or rename one of them."},
    {"E108", "merge keys (<<)",
     "YAML 1.2 has no merge keys. Anchors for whole values work: `retry: &r {...}`, later `retry: *r`."},
    {"E109", "a key is no text",
     "Keys are texts. A value that begins with { or [ is read as a map or list unless it is quoted."},
    {"E110", "a tag",
     "Tags like !Ref mean nothing in flows.\n\nNext: leave it out; a text that begins with ! needs quotes."},
    {"E111", "an unknown alias",
     "*name repeats the value that &name marked before.\n\nNext: mark it, or quote a text that begins with *."},
    {"E112", "too large, too deep, or more than one document",
     "A flow is one YAML document of at most 200,000 values, nested at most 64 deep.\n\nNext: split it with "
     "`include`."},
    {"E113", "a tab", "YAML is indented with spaces."},
    {"E114", "a value cannot start like this",
     "@ and ` cannot start a value in YAML.\n\n  wrong   where: @time > now()\n  right   where: $time > now()\n\n"
     "What travels beside a record begins with $; other texts need quotes."},
    {"E120", "an unknown parameter",
     "${name} names a parameter of the section `parameters`.\n\n  parameters:\n    brokers: {type: string, default: "
     "embedded}\n"
     "  ...\n    with: {brokers: \"${brokers}\"}"},
    {"E121", "an environment variable is not set",
     "${env:NAME} is read when the flow is loaded.\n\nNext: set it, also where `leat validate` runs."},
    {"E122", "a secret cannot be read",
     "${secret:file:/path} is the content of a file, less its last line end.\n\nNext: check path and permissions."},
    {"E123", "a wrong reference",
     "There are ${name}, ${env:NAME} and ${secret:file:/path}; $${ is a ${ that stays as it is."},
    {"E124", "a parameter of another type",
     "Types: string, int, float, bool, duration, size, rate, time. A parameter may also have `choices`.\n\nNext: check "
     "-p name=value or the default."},
    {"E125", "-p names no parameter",
     "The flow declares no parameter of this name.\n\nNext: `leat explain FLOW` lists them."},
    {"E126", "a parameter without a value",
     "It has no default and was not given.\n\nNext: leat run FLOW -p name=value"},
    {"E127", "a wrong declaration of a parameter",
     "  parameters:\n    limit: {type: int, default: 5, doc: pieces per order}\n\nKeys: type, default, doc, choices, "
     "secret."},

    {"E201", "this is no flow",
     "A flow file is a map with at least `leat: 1`, `flow` and `processors`.\n\n"
     "  leat: 1\n  flow: copy\n  processors:\n    in:\n      source: file\n      with: {paths: in.ndjson, until: end}\n"
     "    out:\n      sink: file\n      from: in\n      with: {path: out.ndjson}"},
    {"E202", "an unknown key at the top",
     "Keys at the top: leat, flow, description, parameters, connections, settings, plugins, dead_letters, include, "
     "require, processors."},
    {"E203", "a key is missing", "A flow needs `leat: 1`, `flow: name` and `processors`."},
    {"E204", "an unknown key of a processor",
     "Keys of a processor: source, transform, model or sink; from, with, schema, strict, on_error, require, ignore, "
     "enabled, lanes, description.\n"
     "The plugin's own options stand under `with`.\n\n  wrong   low:\n            transform: filter\n            "
     "where: qty < 5\n"
     "  right   low:\n            transform: filter\n            with:\n              where: qty < 5"},
    {"E205", "another kind of value is needed",
     "For example a map where a list stands.\n\nNext: compare with the example in the message."},
    {"E206", "what kind of processor it is",
     "Each processor says exactly one of source, transform, model and sink, with the name of the plugin's "
     "processor.\n\n  low:\n    transform: filter"},
    {"E207", "a name that is none",
     "Names of flows and processors: a lower-case letter, then lower-case letters, digits, _ and -. No dots: a dot "
     "names a port."},
    {"E208", "two processors of one name", "Names are unique over the flow and its fragments."},
    {"E209", "`from` names no processor", "Next: check the spelling; the processor may also be disabled by `enabled`."},
    {"E210", "an unknown port",
     "`from: name.port`. Ports are `out`, `rejected`, those of the plugin and those that options make "
     "(route).\n\nNext: leat plugins describe NAME"},
    {"E211", "a cycle", "Records would go round for ever; a flow has no cycles.\n\nNext: take one of the arcs out."},
    {"E212", "a source with `from`",
     "Sources begin a flow. A processor that reads from others is a transform, model or sink."},
    {"E213", "`from` is missing",
     "Transforms, models and sinks say where their records come from.\n\n  from: orders\n  from: [orders, returns]\n  "
     "from: orders.rejected"},
    {"E214", "a port goes nowhere",
     "Records sent there would be lost.\n\nNext: connect it (`from: name.port`), or say `ignore: [port]` at the "
     "processor."},
    {"E215", "unreachable", "No source leads here, so it would never see a record."},
    {"E216", "reading from a sink",
     "A sink passes nothing on but `rejected`, which goes to the dead letters.\n\nNext: read from what the sink reads "
     "from; feed dead letters by `source: dead_letters`."},
    {"E217", "comes with a later version",
     "The key is part of the language, but this version does not do it yet; so it is refused rather than "
     "ignored.\n\nNext: leave it out."},
    {"E218", "a flow without a source", "Next: add one: source: file, generate, http, kafka, stdin."},
    {"E219", "another version of the language", "This is version 1: `leat: 1`."},
    {"E220", "wrong inputs",
     "`from: {left: orders, right: shipments}` names inputs; a processor with one input takes a name or a list."},
    {"E221", "wrong `on_error`",
     "  on_error:\n    unavailable: {retry: 1s..1m, give_up: 2h, then: stop}\n    refused: dead_letter\n\n"
     "then: stop, dead_letter, drop. refused: dead_letter, drop, stop."},
    {"E222", "wrong `dead_letters`",
     "  dead_letters: {to: bad}\n\n`bad` is a processor of the flow that gets what is rejected and not connected; "
     "without it they are kept in the state folder."},
    {"E223", "wrong connection",
     "  connections:\n    search: {elasticsearch: {url: \"${env:ES}\"}}\n  ...\n    with: {use: search, index: "
     "stock}\n\n"
     "The connection's options are put before those of `with`."},
    {"E224", "wrong `include`",
     "  include: [common.yaml]\n\nFragments hold `connections` and `processors`; paths count from the file that "
     "includes them."},
    {"E225", "a wrong setting", "Settings: epoch (10ms to 1m), lanes (auto, or a number)."},
    {"E226", "another version of a plugin",
     "`plugins: {transform: \">=1.2\"}` asks for a version that is not installed.\n\nNext: leat plugins list"},
    {"E227", "a weaker promise than required",
     "`require` asks for more than this path can keep; the sentence says why.\n\nNext: change the sink or its options, "
     "or lower `require`."},
    {"E228", "wrong `enabled`", "An expression over parameters, known before the flow starts: enabled: \"${demo}\"."},
    {"E229", "`ignore` names no port",
     "`ignore` lists ports that are left unconnected on purpose:\n\n  ignore: [other]"},
    {"E230", "wrong `schema`",
     "A list of fields, or a JSON Schema file.\n\n  schema: {sku: text, qty: int, day: time?}\n  schema: "
     "stock.schema.json\n\n"
     "Types: bool, int, float, decimal, text, time, json; a ? after it: may be missing."},
    {"E231", "wrong `codec`",
     "json, csv, text or raw; as a map with options:\n\n  codec: {csv: {delimiter: \";\", header: true}}\n  codec: "
     "{json: {max_record: 1MiB}}"},
    {"E234", "ids are not unique",
     "Two records of this path can have the same `$id`, so one would replace the other.\n\nNext: give an `id` that is "
     "unique."},
    {"E235", "wrong `lanes`", "`lanes: 1` at a processor, or `settings: {lanes: auto}` for the flow."},
    {"E236", "the same arc twice", "Each record would arrive twice."},
    {"E237", "`strict` without `schema`",
     "strict: reject | warn says what becomes of records that do not fit `schema`."},

    {"E300", "an expression cannot be read",
     "Expressions are PostgreSQL's: on_hand <= reorder_point and warehouse in ('A', 'B'). Texts stand in single "
     "quotes, odd names in\n"
     "double ones, equality is =. The caret shows where reading ended.\n\nNext: echo '{\"qty\": 5}' | leat eval 'qty < "
     "10'"},
    {"E301", "an unknown field in an expression",
     "The source's `schema`, and what processors on the way write, tell which fields there are; this is none of them. "
     "What travels\n"
     "beside a record begins with $: $id $key $time $topic $file $partition $sequence $line $headers['x'].\n\n"
     "Next: correct it, or add it to the schema."},
    {"E302", "an unknown function or type", "The functions and types of the language: docs/expressions.md."},
    {"E303", "types that do not go together",
     "There is no silent conversion of text to number: qty > '5' compares a number with a text.\n\nNext: cast it: "
     "qty::int, cast(day as time)."},
    {"E304", "a function takes other arguments",
     "The function exists, but not with so many arguments.\n\nNext: docs/expressions.md."},
    {"E305", "a literal that is wrong",
     "For example an interval without units, a number beyond 64 bits, or a broken regular expression."},
    {"E306", "an expression is too large",
     "Texts, lists, arguments and nesting have limits.\n\nNext: compute parts of it in a `set` before, or use a lookup "
     "table."},
    {"E307", "an aggregate where none can stand, or none where one is needed",
     "sum, count, avg and the like look at many records; they stand alone in `aggregate`: total: sum(qty)."},

    {"E401", "an unknown processor",
     "No plugin here offers it.\n\nNext: leat plugins list; --plugins FOLDER adds another folder."},
    {"E402", "a broken plugin",
     "The file could not be loaded, crashed while it was scanned, or was built for another contract (ABI).\n\nNext: "
     "leat plugins list shows the reason; build it for this version."},
    {"E403", "an unknown option",
     "The options of a processor: leat plugins describe NAME. A key with unbalanced parentheses is the rest of an "
     "expression: quote it."},
    {"E404", "a value of another type",
     "Next: leat plugins describe NAME tells the type. A number in quotes is a text."},
    {"E405", "a unit is missing", "Durations 250ms 5s 2h 1d, sizes 64KiB 2GiB, rates 100/s: always with their unit."},
    {"E406", "none of the choices", "The option takes one of a few words."},
    {"E407", "out of range", "The number is outside of what the option allows."},
    {"E408", "a required option is missing", "Next: add it under `with`."},
    {"E409", "exactly one of several options", "These options exclude each other, and one of them is needed."},
    {"E410", "an option that needs another", "It has a meaning only beside the other one."},
    {"E411", "an unknown field",
     "The source's `schema`, and what processors on the way write, tell which fields there are; this is none of "
     "them.\n\n"
     "Next: correct it, or add it to the schema."},
    {"E412", "a field of another type",
     "The type that `schema` or an expression gives does not convert to what the option takes.\n\nNext: cast it in a "
     "`set`: qty::int"},
    {"E413", "a destination that data could choose",
     "The text must begin literally, up to the first {, so that a record cannot choose where it goes.\n\n"
     "  wrong   index: \"{warehouse}\"\n  right   index: \"stock-{warehouse}\""},
    {"E414", "the plugin refused", "The plugin looked at its options and refused them; the sentence is its own."},
    {"E415", "one value is needed",
     "A list or map stands where the option takes one value. A text that begins with { or [ needs quotes."},
    {"E416", "a wrong name of a field",
     "Paths: qty, supplier.country, lines[0].sku, lines[].qty; odd names in double quotes. What travels beside a "
     "record: $id $key $time $topic $file $partition $sequence $line $headers['x']."},
    {"E418", "a field that cannot be written",
     "Of what travels beside a record only $id, $key and $time can be written."},
    {"E419", "the plugin needs what this version has not",
     "It asks for a service (keyed state, timers) that comes with a later version."},

    {"W501", "a deprecated option", "It still works, and will go. The sentence names its successor."},
    {"W502", "an upsert without an order",
     "Two records of the same id may arrive in another order than they were made, and the older one would win.\n\n"
     "Next: give `version`, a number or time that rises with every record of an id; or use the record's own id "
     "({$id})."},
    {"W504", "a connection that nobody uses", "Next: remove it, or add `use: name`."},
    {"W505", "a reference without ${}",
     "env:NAME and secret:file:/path name something only between ${ and }; without them they are plain text.\n\n"
     "  wrong   password: env:DB_PASSWORD\n"
     "  right   password: ${env:DB_PASSWORD}"},
};

const struct code_doc *code_all(size_t *ret_n)
{
    *ret_n = N_OF(codes);
    return codes;
}

const struct code_doc *code_find(const char *code)
{
    for (size_t i = 0; i < N_OF(codes); i++)
        if (strcasecmp(codes[i].code, code) == 0)
            return &codes[i];
    return NULL;
}
