package quartet_test

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// A row is one line of a table: its three columns.
type row struct {
	line              int
	python, ours, why string
}

// rows returns the lines of the tables of a page that have three columns.
func rows(t *testing.T, page string) []row {
	t.Helper()
	data, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	var all []row
	for i, line := range strings.Split(string(data), "\n") {
		// A bar inside a cell is written \|.
		cells := strings.Split(strings.ReplaceAll(line, `\|`, "\x00"), "|")
		if len(cells) != 5 || cells[0] != "" || strings.HasPrefix(strings.TrimSpace(cells[1]), "---") {
			continue
		}
		all = append(all, row{i + 1, cells[1], cells[2], cells[3]})
	}
	return all
}

// TestParityNotes looks for every name of the notes that started the project:
// its row has a Go symbol or a reason.
func TestParityNotes(t *testing.T) {
	parity := rows(t, "docs/parity.md")
	for _, name := range notesNames {
		found := false
		for _, r := range parity {
			if mentions(r.python, name) || mentions(r.ours, name) {
				found = found || goSymbol.MatchString(r.ours) || strings.Contains(r.ours, "—") && strings.Trim(r.ours+r.why, "— ") != ""
			}
		}
		if !found {
			t.Errorf("docs/parity.md has no row for `%s` with a Go symbol or a reason", name)
		}
	}
}

// TestParityRowsAreHeld wants a test in each row that has a symbol of ours, and in
// each other row a reason. The tables of what is ours alone only list names.
func TestParityRowsAreHeld(t *testing.T) {
	data, err := os.ReadFile("docs/parity.md")
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(string(data), "\n")
	alone, found := false, 0
	next := 0
	for _, r := range rows(t, "docs/parity.md") {
		for ; next < r.line; next++ {
			if strings.HasPrefix(lines[next], "#") {
				alone = lines[next] == "### Ours alone"
			}
		}
		switch {
		case alone || strings.HasPrefix(strings.TrimSpace(r.ours), "Ours"): // or the head of a table
		case goSymbol.MatchString(r.ours) || strings.Contains(r.ours, "`asynciotest."):
			found++
			if !ourTest.MatchString(r.why) {
				t.Errorf("docs/parity.md:%d:%s has no test", r.line, r.python)
			}
		case strings.Trim(r.ours+r.why, "— ") == "":
			t.Errorf("docs/parity.md:%d:%s has neither a symbol nor a reason", r.line, r.python)
		}
	}
	if found < 300 {
		t.Errorf("only %d rows: they are not read", found)
	}
}

// mentions reports whether a cell has name in backticks, as it is or with the
// parameters of a call.
func mentions(cell, name string) bool {
	return strings.Contains(cell, "`"+name+"`") || strings.Contains(cell, "`"+name+"(")
}

var goSymbol = regexp.MustCompile("`(asyncio|multiprocessing|aiohttp|aiofiles)\\.([A-Z]\\w*)(?:\\.([A-Z]\\w*))?")

// TestSymbols looks up every Go symbol in the middle column of the pages that
// set Python's names beside ours, and in the first column of the errors.
func TestSymbols(t *testing.T) {
	exported := exportedByPackage(t)
	for page, column := range map[string]func(row) string{
		"docs/parity.md":      func(r row) string { return r.ours },
		"docs/from-python.md": func(r row) string { return r.ours },
		"docs/errors.md":      func(r row) string { return r.python },
	} {
		all := rows(t, page)
		if len(all) < 10 {
			t.Errorf("%s: only %d rows: the tables are not read", page, len(all))
		}
		for _, r := range all {
			for _, m := range goSymbol.FindAllStringSubmatch(column(r), -1) {
				name := strings.TrimSuffix(strings.Join(m[1:], "."), ".")
				if exported[name] == nothing {
					t.Errorf("%s:%d: %s does not exist", page, r.line, name)
				}
			}
		}
	}
}

// TestErrorRows looks for the row of every exported error.
func TestErrorRows(t *testing.T) {
	page := rows(t, "docs/errors.md")
	found := 0
	for name, k := range exportedByPackage(t) {
		if !errorName.MatchString(name) || k == function {
			continue
		}
		found++
		if !slices.ContainsFunc(page, func(r row) bool {
			return mentions(r.python, name) && strings.TrimSpace(r.ours) != "" && strings.TrimSpace(r.why) != ""
		}) {
			t.Errorf("docs/errors.md has no row for `%s` with its cause and what to do", name)
		}
	}
	if found < 20 {
		t.Errorf("only %d exported errors: they are not read", found)
	}
}

// errorName matches asyncio.ErrTimeout and asyncio.PanicError.
var errorName = regexp.MustCompile(`^\w+\.(Err[A-Z]\w*|\w*Error)$`)

// TestParityTests looks for the tests that the parity pages name as ours.
func TestParityTests(t *testing.T) {
	declared := contents(t, ".", "*_test.go")
	for page, columns := range map[string]func(cells []string) []string{
		"docs/parity.md":       func(cells []string) []string { return cells },
		"docs/parity-tests.md": func(cells []string) []string { return cells[3:4] },
	} {
		data, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		found := 0
		for i, line := range strings.Split(string(data), "\n") {
			cells := strings.Split(line, "|")
			if len(cells) < 5 {
				continue
			}
			for _, m := range ourTest.FindAllStringSubmatch(strings.Join(columns(cells), " "), -1) {
				found++
				if !strings.Contains(declared, "func "+m[1]+"(") {
					t.Errorf("%s:%d: %s does not exist", page, i+1, m[1])
				}
			}
		}
		if found < 20 {
			t.Errorf("%s: only %d tests: they are not read", page, found)
		}
	}
}

var ourTest = regexp.MustCompile("`((?:Test|Fuzz|Example)\\w*)`")
