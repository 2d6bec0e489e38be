package filename

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
)

// Claims gives out names in one folder, each once: no two files of one run have
// the same name, names that differ only in case included, and no file that was
// there before is overwritten. Its methods may be called from many goroutines.
type Claims struct {
	dir string

	mu     sync.Mutex // guards following
	taken  map[string]bool
	counts map[string]int // by the name asked for, the last number tried
}

// NewClaims returns the claims on names in dir.
func NewClaims(dir string) *Claims {
	return &Claims{dir: dir, taken: map[string]bool{}, counts: map[string]int{}}
}

// Claim returns name, if it is free, or else name with the first number before
// its extension that makes it free: "a.txt", "a.1.txt", "a.2.txt". The name is
// the caller's until Claims is forgotten. It blocks for a look at the folder.
func (c *Claims) Claim(name string) (string, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	key := fold(name)
	for {
		n := c.counts[key]
		c.counts[key]++
		candidate := numbered(name, n)
		if c.taken[fold(candidate)] {
			continue
		}
		switch _, err := os.Lstat(filepath.Join(c.dir, candidate)); {
		case err == nil:
			continue
		case os.IsNotExist(err):
			c.taken[fold(candidate)] = true
			return candidate, nil
		default:
			return "", fmt.Errorf("looking for a free name: %w", err)
		}
	}
}

func numbered(name string, n int) string {
	if n == 0 {
		return name
	}
	stem, ext := splitExt(name)
	return fmt.Sprintf("%s.%d%s", stem, n, ext)
}

// fold returns the same string for names that a file system may take for one.
func fold(name string) string {
	return strings.ToLower(strings.ToUpper(name))
}
