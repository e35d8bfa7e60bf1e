# tzdata.zi with its words in full: "R K 1940 o - Jul 15 0 1 S" becomes "Rule K 1940 only - Jul 15 0 1 S".
BEGIN {
  split("Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec", names, " ")
  split("Sun Mon Tue Wed Thu Fri Sat", days, " ")
}
# The name of a list of which `short` is the beginning.
function whole(short, list,   i) { for (i in list) if (index(list[i], short) == 1) return list[i]; return short }
function day(text,   at, head, tail) {
  if (substr(text, 1, 4) == "last") return "last" whole(substr(text, 5), days)
  at = match(text, /[<>]=/)
  if (at == 0) return text
  return whole(substr(text, 1, at - 1), days) substr(text, at)
}
function until(first,   text, i) {
  text = ""
  for (i = first; i <= NF; ++i) text = text " " (i == first + 1 ? whole($i, names) : i == first + 2 ? day($i) : $i)
  return text
}
/^#/ || NF == 0 { next }
$1 == "L" { print "Link", $2, $3; next }
$1 == "R" {
  print "Rule", $2, $3, ($4 == "o" ? "only" : $4 == "ma" ? "max" : $4), "-", whole($6, names), day($7), $8, $9, $10
  next
}
$1 == "Z" { print "Zone", $2, $3, $4, $5 until(6); next }
{ print "\t" $1, $2, $3 until(4) }
