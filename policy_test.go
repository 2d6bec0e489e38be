// The rules of this repository that a machine can hold. Each is a statement of
// policy: to break one, change docs/design first, then the rule here.
package quartet_test

import (
	"encoding/json"
	"errors"
	"io"
	"maps"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/quartet-go/quartet"

// the four import nothing of one another: they meet in internal/park and in the
// shape func(context.Context) (T, error).
var theFour = []string{"asyncio", "multiprocessing", "aiohttp", "aiofiles"}

// libraries lists what may be imported from outside the module and the standard
// library, and by which packages of it. asyncio is not among them.
var libraries = map[string][]string{
	"github.com/fxamacker/cbor/v2":    {"multiprocessing", "internal"},
	"golang.org/x/sys":                {"multiprocessing", "aiohttp", "aiofiles", "internal"},
	"github.com/klauspost/compress":   {"aiohttp"},
	"github.com/andybalholm/brotli":   {"aiohttp"},
	"golang.org/x/net":                {"aiohttp"},
	"golang.org/x/time":               {"aiohttp"},
	"golang.org/x/text":               {"aiohttp", "aiofiles"},
	"github.com/bmatcuk/doublestar":   {"aiofiles"},
	"github.com/fsnotify/fsnotify":    {"aiofiles"},
	"github.com/coder/websocket":      {"aiohttp"},
	"github.com/mccutchen/go-httpbin": {}, // tests only
	"github.com/google/go-cmp":        {}, // tests only
	"github.com/rogpeppe/go-internal": {}, // tests only
}

// A goPackage is what "go list -json" says of one.
type goPackage struct {
	ImportPath, Doc string
	Name            string
	Imports         []string
	TestImports     []string
	XTestImports    []string
}

func listPackages(t *testing.T) []goPackage {
	t.Helper()
	out, err := exec.Command("go", "list", "-json=ImportPath,Doc,Name,Imports,TestImports,XTestImports", "./...").Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	var all []goPackage
	for dec := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p goPackage
		if err := dec.Decode(&p); errors.Is(err, io.EOF) {
			return all
		} else if err != nil {
			t.Fatal(err)
		}
		all = append(all, p)
	}
}

// top returns the first element of a path inside the module, "" for its root,
// and false for a path outside.
func top(path string) (string, bool) {
	if path == module {
		return "", true
	}
	rest, ok := strings.CutPrefix(path, module+"/")
	first, _, _ := strings.Cut(rest, "/")
	return first, ok
}

// TestImports holds the table: examples → the four → internal → the standard
// library and the chosen libraries.
func TestImports(t *testing.T) {
	for _, p := range listPackages(t) {
		from, _ := top(p.ImportPath)
		for _, path := range p.Imports {
			if why := forbidden(from, path); why != "" {
				t.Errorf("%s imports %s: %s", p.ImportPath, path, why)
			}
		}
		if from == "asyncio" || from == "internal" {
			for _, path := range append(p.TestImports, p.XTestImports...) {
				if to, inside := top(path); inside && to != from && slices.Contains(theFour, to) {
					t.Errorf("tests of %s import %s", p.ImportPath, path)
				}
			}
		}
	}
}

// forbidden says why a package below from must not import path, or "".
func forbidden(from, path string) string {
	to, inside := top(path)
	switch {
	case from == "examples":
		return ""
	case inside && to == from || inside && to == "internal" && from != "":
		return ""
	case inside:
		return "imports point from examples to the four to internal"
	case !strings.Contains(strings.Split(path, "/")[0], "."):
		if from == "" {
			return "the root package holds the map of the module only"
		}
		return ""
	}
	for library, users := range libraries {
		if path == library || strings.HasPrefix(path, library+"/") {
			if slices.Contains(users, from) {
				return ""
			}
			return "only " + strings.Join(users, ", ") + " may (none listed: only tests)"
		}
	}
	return "not a chosen library; see docs/design: " + strings.Join(slices.Sorted(maps.Keys(libraries)), " ")
}

func TestForbidden(t *testing.T) {
	for _, tt := range []struct {
		from, path string
		ok         bool
	}{
		{"asyncio", "iter", true},
		{"asyncio", module + "/internal/park", true},
		{"asyncio", module + "/aiofiles", false},
		{"asyncio", "golang.org/x/sys/unix", false},
		{"aiohttp", module + "/asyncio", false},
		{"aiohttp", "golang.org/x/net/publicsuffix", true},
		{"aiohttp", "golang.org/x/networking", false},
		{"aiofiles", "github.com/google/go-cmp/cmp", false},
		{"internal", module + "/asyncio", false},
		{"", "fmt", false},
		{"examples", module + "/asyncio", true},
	} {
		if why := forbidden(tt.from, tt.path); (why == "") != tt.ok {
			t.Errorf("forbidden(%q, %q) = %q, want allowed %v", tt.from, tt.path, why, tt.ok)
		}
	}
}

// TestPackageDocs asks of every package one sentence about what it is.
func TestPackageDocs(t *testing.T) {
	for _, p := range listPackages(t) {
		want := "Package " + p.Name + " "
		if p.Name == "main" {
			name := p.ImportPath[strings.LastIndexByte(p.ImportPath, '/')+1:]
			want = strings.ToUpper(name[:1]) + name[1:] + " "
		}
		if !strings.HasPrefix(p.Doc, want) && !strings.HasSuffix(p.ImportPath, "/examples") {
			t.Errorf("%s: package doc is %q, want it to begin with %q", p.ImportPath, p.Doc, want)
		}
	}
}
