package filename_test

import (
	"net/url"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/quartet-go/quartet/cmd/quartet/internal/filename"
)

func TestClean(t *testing.T) {
	long := strings.Repeat("x", 300)
	for _, tt := range []struct{ path, want string }{
		{"report.pdf", "report.pdf"},
		{"/a/b/report.pdf", "report.pdf"},
		{"报告 2026.txt", "报告 2026.txt"},

		// The way out.
		{"..", "index.html"},
		{".", "index.html"},
		{"", "index.html"},
		{"/a/", "index.html"},
		{"../../etc/passwd", "passwd"},
		{"/etc/passwd", "passwd"},
		{`..\..\boot.ini`, "boot.ini"},
		{`C:\boot.ini`, "boot.ini"},
		{"C:boot.ini", "C_boot.ini"},
		{"file::$DATA", "file__$DATA"},
		{"...", "index.html"},
		{".bashrc", "_bashrc"},
		{"..bashrc", "_.bashrc"},

		// Characters.
		{"a\x00b", "a_b"},
		{"a\nb\x1b[31m", "a_b_[31m"},
		{"a\xffb", "a_b"},
		{"gpj.\u202egpj.exe", "gpj._gpj.exe"},
		{`what? "a|b" <c>*`, "what_ _a_b_ _c__"},
		{"; rm -rf x", "; rm -rf x"},
		{"$(id)", "$(id)"},
		{"-o", "-o"},
		{"name. . ", "name"},

		// Devices.
		{"nul", "_nul"},
		{"NUL.txt", "_NUL.txt"},
		{"con .tar.gz", "_con .tar.gz"},
		{"COM1", "_COM1"},
		{"lpt³.log", "_lpt³.log"},
		{"com10", "com10"},
		{"console", "console"},

		// Unfinished files.
		{"film.mp4.part", "film.mp4.part_"},
		{"film.PART", "film.PART_"},
		{".part", "_part"},

		// Length.
		{long, long[:240]},
		{long + ".tar.gz", long[:237] + ".gz"},
		{long + ".part", long[:234] + ".part_"},
		{strings.Repeat("报", 100) + ".txt", strings.Repeat("报", 78) + ".txt"},
	} {
		if got := filename.Clean(tt.path); got != tt.want {
			t.Errorf("Clean(%q) = %q, want %q", tt.path, got, tt.want)
		}
	}
}

func TestFromURL(t *testing.T) {
	for _, tt := range []struct{ rawURL, want string }{
		{"http://h/a/b.txt?q=/c.txt#/d.txt", "b.txt"},
		{"http://h", "index.html"},
		{"http://h/dir/", "index.html"},
		{"http://h/%2e%2e%2f%2e%2e%2fetc%2fpasswd", "passwd"},
		{"http://h/..", "index.html"},
		{"http://h/a%00b", "a_b"},
		{"http://h/%E6%8A%A5%E5%91%8A.txt", "报告.txt"},
		{"http://h/aux.c", "_aux.c"},
	} {
		u, err := url.Parse(tt.rawURL)
		if err != nil {
			t.Fatal(err)
		}
		if got := filename.FromURL(u); got != tt.want {
			t.Errorf("FromURL(%s) = %q, want %q", tt.rawURL, got, tt.want)
		}
	}
}

func TestFromHeader(t *testing.T) {
	for _, tt := range []struct{ header, want string }{
		{`attachment; filename="report.pdf"`, "report.pdf"},
		{`attachment; filename=report.pdf`, "report.pdf"},
		{`inline; filename*=UTF-8''%E6%8A%A5%E5%91%8A.txt`, "报告.txt"},
		{`attachment; filename="../../.ssh/authorized_keys"`, "authorized_keys"},
		{`attachment; filename=".ssh"`, "_ssh"},
		{`attachment; filename="/"`, ""},
		{`attachment; filename=""`, ""},
		{`attachment`, ""},
		{`;;;`, ""},
		{``, ""},
	} {
		got, ok := filename.FromHeader(tt.header)
		if got != tt.want || ok != (tt.want != "") {
			t.Errorf("FromHeader(%q) = %q, %v, want %q", tt.header, got, ok, tt.want)
		}
	}
}

// Whatever the input, the name is one safe element of a path.
func FuzzClean(f *testing.F) {
	for _, seed := range []string{"../x", "nul.", "a\x00", ".part", strings.Repeat("é", 200), "C:\\x", "a.\u202e"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, path string) {
		name := filename.Clean(path)
		switch {
		case name == "", name == ".", name == "..",
			len(name) > filename.MaxBytes,
			!utf8.ValidString(name),
			!filepath.IsLocal(name),
			filepath.Base(name) != name,
			strings.ContainsAny(name, "/\\\x00\n:"),
			strings.HasPrefix(name, "."),
			strings.HasSuffix(strings.ToLower(name), filename.Part):
			t.Errorf("Clean(%q) = %q", path, name)
		}
		if again := filename.Clean(name); again != name {
			t.Errorf("Clean(%q) = %q, and again %q", path, name, again)
		}
	})
}
