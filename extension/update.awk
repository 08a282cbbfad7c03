# The update script, from the install scripts of two releases. Reads the old one, then the new one, and prints the new one
# such that it can be run where the old one has been:
#
#   awk -f update.awk medallion--0.1.sql medallion--0.2.sql
#
# Functions, procedures and views are replaced; comments and grants are made again. A table, type, index or wrapper that the
# old script has made is left out: what has to happen to it is in sql/update-0.1-0.2.sql, by hand. An index without a name is
# known by its text. OR REPLACE is safe in an extension's script: PostgreSQL refuses to replace what is not the extension's.

NR == FNR { if (is_kept()) old[name()]; next }
/^\\echo / { next }
is_kept() && name() in old { skipping = 1 }
!skipping { if (/^CREATE (FUNCTION|PROCEDURE|VIEW) /) sub(/^CREATE/, "CREATE OR REPLACE"); print }
/;$/ { skipping = 0 }

function is_kept() { return /^CREATE (TABLE|TYPE|FOREIGN DATA WRAPPER|(UNIQUE )?INDEX) / }

function name(  text) {
	text = $0
	if (text !~ /INDEX/) sub(/ (\(|AS|NO|HANDLER).*/, "", text)
	return text
}
