"""Markdown: the reference for people."""

from __future__ import annotations

from noun_files import Json, Model


def write_reference(model: Model) -> str:
    def kind(node: Json) -> str:
        if "$ref" in node:
            name = str(node["$ref"]).rsplit("/", 1)[1]
            return f"[{name}](#{name.lower()})"
        if node.get("type") == "array":
            return f"{kind(node['items'])}[]"
        return str(node.get("type", "any"))

    out = [
        f"# {model.index['name']} protocol, version {model.index['version']}",
        "",
        "Written by `protocol/generate.py` from the noun files beside this page; do not edit.",
        "",
        model.index["summary"],
        "",
        "A request's `params` is a [CommandEnvelope](#commandenvelope), its `result` a"
        " [ResponseEnvelope](#responseenvelope); a notification's method is its topic and its `params` an"
        " [EventEnvelope](#eventenvelope). The tables say what the `payload` is. ◆ = `correlation_id` is required.",
        "",
    ]
    for noun in model.nouns:
        out += [f"## {noun['noun']}", "", f"{noun['summary']} *({noun['stability']})*", ""]
        if "machine" in noun:
            machine = noun["machine"]
            out += [f"`{machine['field']}` starts as `{machine['initial']}`.", "", "| from | to |", "|---|---|"]
            out += [f"| {state} | {', '.join(to) or '—'} |" for state, to in machine["edges"].items()] + [""]
        rows = {name: row for name, row in noun.get("methods", {}).items() if row["kind"] != "internal"}
        if rows:
            out += ["| method | needs | payload | result | |", "|---|---|---|---|---|"]
            for name, row in rows.items():
                needs = " ".join(f"`{i}`" for i in row.get("context", ())) + (" ◆" if row.get("lifecycle") else "")
                also = "".join(f" Also `{alias}`." for alias in row.get("aliases", ()))
                out.append(
                    f"| `{name}` | {needs} | [{row['params']}](#{row['params'].lower()}) |"
                    f" [{row['result']}](#{row['result'].lower()}) | {row['summary']}{also} |"
                )
            out.append("")
        if noun.get("topics"):
            out += ["| topic | payload | |", "|---|---|---|"]
            for name, row in noun["topics"].items():
                note = " Bypasses the log." if row.get("kind") == "stream" else ""
                out.append(f"| `{name}` | [{row['payload']}](#{row['payload'].lower()}) | {row['summary']}{note} |")
            out.append("")
        if noun.get("errors"):
            out += ["| error | code | |", "|---|---|---|"]
            for name, row in noun["errors"].items():
                note = " Retryable." if row.get("retryable") else ""
                out.append(f"| `{name}` | {row['code']} | {row['summary']}{note} |")
            out.append("")
        for name, node in noun["$defs"].items():
            out += [f"### {name}", "", node.get("description", "")]
            if node.get("properties"):
                out += ["", "| field | type | |", "|---|---|---|"]
                for field, row in node["properties"].items():
                    mark = "" if field in node["required"] else "?"
                    out.append(f"| `{field}`{mark} | {kind(row)} | {row.get('description', '')} |")
            elif "enum" in node:
                more = ", …" if node.get("open") else ""
                out += ["", ", ".join(f"`{value}`" for value in node["enum"]) + more]
            elif "pattern" in node:
                out += ["", f"`{node['pattern']}`"]
            out.append("")
    out += ["## Errors of every method", "", "| error | code | |", "|---|---|---|"]
    out += [f"| `{name}` | {row['code']} | {row['summary']} |" for name, row in model.index["errors"].items()]
    out += ["", "## Deferred", "", "Answered with `METHOD_NOT_SUPPORTED`.", "", "| method | instead |", "|---|---|"]
    out += [f"| `{name}` | {instead} |" for name, instead in model.index["deferred"].items()]
    return "\n".join(out) + "\n"
