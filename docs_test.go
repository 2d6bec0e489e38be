package quartet_test

import (
	"bytes"
	"context"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

// A snippet is one fenced block in a page.
type snippet struct {
	page, language string
	line           int
	text           string
}

// program reports whether s is a whole Go program.
func (s *snippet) program() bool {
	return s.language == "go" && (strings.HasPrefix(s.text, "package ") || strings.Contains(s.text, "\npackage "))
}

func pages(t *testing.T) []string {
	t.Helper()
	var all []string
	err := filepath.WalkDir("docs", func(path string, d fs.DirEntry, err error) error {
		if filepath.Ext(path) == ".md" {
			all = append(all, path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return append(all, "README.md", "CONTRIBUTING.md")
}

func snippets(t *testing.T, page string) []*snippet {
	t.Helper()
	data, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	var all []*snippet
	open := false
	for i, line := range strings.Split(string(data), "\n") {
		language, fence := strings.CutPrefix(line, "```")
		switch {
		case fence && open:
			open = false
		case fence:
			open = true
			all = append(all, &snippet{page: page, language: language, line: i + 1})
		case open:
			all[len(all)-1].text += line + "\n"
		case strings.Contains(line, "```"):
			t.Errorf("%s:%d: a fence that is not at the start of its line is not read", page, i+1)
		}
	}
	if open {
		t.Errorf("%s: the last fence is open", page)
	}
	return all
}

// TestSnippets holds the pages to code that compiles and to what was printed. A
// whole program is built and run, and the text block after it is what it prints;
// README.md's is run by [TestReadme]. Other Go must stand, line for line, in a Go
// file of the repository. Other text in docs/from-python.md must stand in the output
// of an example.
func TestSnippets(t *testing.T) {
	t.Parallel()
	sources, outputs := contents(t, ".", "*.go"), contents(t, "examples", "output.txt")
	programs := 0
	for _, page := range pages(t) {
		last := &snippet{}
		for _, s := range append(snippets(t, page), &snippet{}) {
			switch {
			case last.program() && page != "README.md":
				programs++
				t.Run(last.name(), func(t *testing.T) { last.checkPrints(t, s.text) })
			case s.language == "go" && !s.program() && !strings.Contains(sources, squeeze(s.text)):
				t.Errorf("%s:%d: no Go file holds these lines:\n%s", s.page, s.line, s.text)
			case s.language == "text" && page == "docs/from-python.md" && !strings.Contains(outputs, squeeze(s.text)):
				t.Errorf("%s:%d: no example prints these lines:\n%s", s.page, s.line, s.text)
			}
			last = s
		}
	}
	if programs == 0 {
		t.Fatal("no program in docs: the snippets are not read")
	}
}

func (s *snippet) name() string { return fmt.Sprintf("%s:%d", s.page, s.line) }

// write writes the program to a file and returns its name.
func (s *snippet) write(t *testing.T) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "main.go")
	if err := os.WriteFile(file, []byte(s.text), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// run builds and runs the program and returns what it prints.
func (s *snippet) run(t *testing.T, args ...string) string {
	t.Helper()
	needsProcesses(t)
	dir := t.TempDir()
	program := filepath.Join(dir, "program")
	if out, err := exec.Command("go", "build", "-o", program, s.write(t)).CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Dir = dir
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return string(out)
}

var processIDs = regexp.MustCompile(`\b(pid|parent)=(\d+|N)\b`)

// checkPrints compares what the program prints with want, but for process ids.
func (s *snippet) checkPrints(t *testing.T, want string) {
	got := processIDs.ReplaceAllString(s.run(t), "$1=N")
	if want := processIDs.ReplaceAllString(want, "$1=N"); got != want {
		t.Errorf("printed:\n%s\nwant:\n%s", got, want)
	}
}

// contents returns all files below dir whose names match, squeezed.
func contents(t *testing.T, dir, pattern string) string {
	t.Helper()
	var all bytes.Buffer
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if ok, err := filepath.Match(pattern, d.Name()); !ok {
			return err
		}
		data, err := os.ReadFile(path)
		all.WriteString(squeeze(string(data)))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all.String()
}

// squeeze drops indentation and empty lines, in which a part may differ.
func squeeze(text string) string {
	var b strings.Builder
	for line := range strings.Lines(text) {
		if line := strings.TrimSpace(line); line != "" {
			b.WriteString(line + "\n")
		}
	}
	return b.String()
}

var (
	code = regexp.MustCompile("(?s)```.*?```|`[^`]*`")
	link = regexp.MustCompile(`\]\(([^)#:]+)(#[^)]*)?\)`)
)

// TestLinks follows the links from page to page.
func TestLinks(t *testing.T) {
	followed := 0
	for _, page := range pages(t) {
		data, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range link.FindAllStringSubmatch(code.ReplaceAllString(string(data), ""), -1) {
			followed++
			if _, err := os.Stat(filepath.Join(filepath.Dir(page), m[1])); err != nil {
				t.Errorf("%s links to %s: %v", page, m[1], err)
			}
		}
	}
	if followed < 10 {
		t.Errorf("only %d links: they are not read", followed)
	}
}
