-- The level that a line names, and whose service it is. A record that is changed keeps its time: code 2.
function enrich(tag, timestamp, record)
    local line = record["log"] or ""
    record["level"] = string.lower(string.match(line, "^(%u+)") or "info")
    record["team"] = os.getenv("TEAM")
    record["length"] = #line
    return 2, timestamp, record
end
