package argv_test

import (
	"errors"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/quartet-go/quartet/cmd/quartet/internal/argv"
)

func TestSplit(t *testing.T) {
	for _, tt := range []struct {
		line string
		want []string
	}{
		{"wc -l {}", []string{"wc", "-l", "{}"}},
		{"  wc\t-l \n {} ", []string{"wc", "-l", "{}"}},
		{`grep 'a b' {}`, []string{"grep", "a b", "{}"}},
		{`grep "a b" {}`, []string{"grep", "a b", "{}"}},
		{`a''b "" ''`, []string{"ab", "", ""}},
		{`'it'\''s'`, []string{"it's"}},
		{`"a\"b\\c\d\$e"`, []string{`a"b\c\d$e`}},
		{`a\ b \{} '\'`, []string{"a b", "{}", `\`}},
		{"a\\\nb", []string{"ab"}},
		{`sh -c 'wc -l < "$1" | tr -d " "' sh {}`, []string{"sh", "-c", `wc -l < "$1" | tr -d " "`, "sh", "{}"}},
		{`echo $(id) is two words`, nil},
		{`echo \$\(id\)`, []string{"echo", "$(id)"}},
		{`echo $HOME *`, []string{"echo", "$HOME", "*"}},
	} {
		got, err := argv.Split(tt.line)
		if tt.want == nil {
			if err == nil {
				t.Errorf("Split(%q) = %q, want an error", tt.line, got)
			}
			continue
		}
		if err != nil || !slices.Equal(got, tt.want) {
			t.Errorf("Split(%q) = %q, %v, want %q", tt.line, got, err, tt.want)
		}
	}
}

func TestSplitErrors(t *testing.T) {
	for _, tt := range []struct {
		line string
		want error
	}{
		{"", argv.ErrEmpty},
		{" \t ", argv.ErrEmpty},
		{"a 'b", argv.ErrQuote},
		{`a "b`, argv.ErrQuote},
		{`a \`, argv.ErrQuote},
		{"wc {} | sort", argv.ErrOperator},
		{"wc {} > out", argv.ErrOperator},
		{"wc {}; rm {}", argv.ErrOperator},
		{"wc {} && true", argv.ErrOperator},
		{"(wc {})", argv.ErrOperator},
	} {
		if got, err := argv.Split(tt.line); !errors.Is(err, tt.want) {
			t.Errorf("Split(%q) = %q, %v, want %v", tt.line, got, err, tt.want)
		}
	}
}

// A name is one argument, whatever a shell or a program would make of it.
func TestFillHostileNames(t *testing.T) {
	args, err := argv.Split("printf <%s> pre={} {}")
	if err == nil {
		t.Fatalf("Split accepted <: %q", args)
	}
	args, err = argv.Split("printf '<%s>' pre={} {}")
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct{ name, want string }{
		{"plain.txt", "plain.txt"},
		{"; rm -rf x", "; rm -rf x"},
		{"$(id)", "$(id)"},
		{"`id`", "`id`"},
		{"a\nb", "a\nb"},
		{"-o", "./-o"},
		{"--help", "./--help"},
		{"-", "./-"},
		{"a b' \"c", "a b' \"c"},
		{"{}", "{}"},
		{"%s", "%s"},
	} {
		filled := argv.Fill(args, tt.name)
		want := []string{"printf", "<%s>", "pre=" + tt.want, tt.want}
		if !slices.Equal(filled, want) {
			t.Errorf("Fill(%q) = %q, want %q", tt.name, filled, want)
		}
		if args[3] != "{}" {
			t.Fatalf("Fill(%q) changed its argument: %q", tt.name, args)
		}
	}
}

func TestFillRunsNoShell(t *testing.T) {
	printf, err := exec.LookPath("printf")
	if err != nil {
		t.Skip("no printf program here")
	}
	args, err := argv.Split(printf + " '%s|' {}")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"; echo pwned", "$(echo pwned)", "two\nlines", "-o"} {
		filled := argv.Fill(args, name)
		out, err := exec.CommandContext(t.Context(), filled[0], filled[1:]...).Output()
		if want := filled[2] + "|"; err != nil || string(out) != want {
			t.Errorf("running %q printed %q, %v, want %q", filled, out, err, want)
		}
	}
}

func TestHasPlaceholder(t *testing.T) {
	for _, tt := range []struct {
		args []string
		want bool
	}{
		{[]string{"wc", "{}"}, true},
		{[]string{"wc", "--in={}"}, true},
		{[]string{"wc", "{", "}"}, false},
		{nil, false},
	} {
		if got := argv.HasPlaceholder(tt.args); got != tt.want {
			t.Errorf("HasPlaceholder(%q) = %v, want %v", tt.args, got, tt.want)
		}
	}
}

// What Split accepts, quoted again, splits into the same arguments.
func FuzzSplit(f *testing.F) {
	f.Add(`sh -c 'a "b" \c' "d\"e" f\ g`)
	f.Fuzz(func(t *testing.T, line string) {
		args, err := argv.Split(line)
		if err != nil {
			return
		}
		var quoted []string
		for _, arg := range args {
			quoted = append(quoted, "'"+strings.ReplaceAll(arg, "'", `'\''`)+"'")
		}
		again, err := argv.Split(strings.Join(quoted, " "))
		if err != nil || !slices.Equal(args, again) {
			t.Errorf("Split(%q) = %q, quoted again %q, %v", line, args, again, err)
		}
	})
}
