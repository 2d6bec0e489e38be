package filename_test

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/quartet-go/quartet/cmd/quartet/internal/filename"
)

func TestClaimNeverGivesANameTwice(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"old.txt", "old.1.txt"} {
		if err := os.WriteFile(filepath.Join(dir, name), nil, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink("nowhere", filepath.Join(dir, "link")); err != nil {
		t.Fatal(err)
	}
	claims := filename.NewClaims(dir)
	for _, tt := range []struct{ name, want string }{
		{"a.txt", "a.txt"},
		{"a.txt", "a.1.txt"},
		{"A.TXT", "A.2.TXT"},
		{"a.1.txt", "a.1.1.txt"},
		{"a.txt", "a.3.txt"},
		{"old.txt", "old.2.txt"},
		{"link", "link.1"},
		{"noext", "noext"},
		{"noext", "noext.1"},
		{"Straße", "Straße"},
		{"STRASSE", "STRASSE"},
	} {
		got, err := claims.Claim(tt.name)
		if err != nil || got != tt.want {
			t.Errorf("Claim(%q) = %q, %v, want %q", tt.name, got, err, tt.want)
		}
	}
}

func TestClaimLongestName(t *testing.T) {
	dir := t.TempDir()
	claims := filename.NewClaims(dir)
	longest := filename.Clean(strings.Repeat("x", 400) + ".txt")
	for _, want := range []string{longest, strings.TrimSuffix(longest, ".txt") + ".1.txt"} {
		name, err := claims.Claim(longest)
		if err != nil || name != want {
			t.Errorf("Claim(%q) = %q, %v, want %q", longest, name, err, want)
		}
		if err := os.WriteFile(filepath.Join(dir, name+filename.Part), nil, 0o644); err != nil {
			t.Errorf("a claimed name with %s is too long for this file system: %v", filename.Part, err)
		}
	}
}

func TestClaimFromManyGoroutines(t *testing.T) {
	claims := filename.NewClaims(t.TempDir())
	var mu sync.Mutex
	seen := map[string]bool{}
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			for j := range 50 {
				name, err := claims.Claim(strconv.Itoa((i+j)%3) + ".bin")
				mu.Lock()
				if err != nil || seen[name] {
					t.Errorf("Claim: %q given twice or %v", name, err)
				}
				seen[name] = true
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	if len(seen) != 400 {
		t.Errorf("%d names for 400 claims", len(seen))
	}
}

func TestClaimInAFolderThatCannotBeRead(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if name, err := filename.NewClaims(file).Claim("a"); err == nil {
		t.Errorf("Claim below a file = %q, want an error", name)
	}
}
