package aiofiles_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"strings"
	"testing"
)

// TestEveryTypeHasAnExample looks for an Example of each exported type of the
// package and of aiofilestest.
func TestEveryTypeHasAnExample(t *testing.T) {
	for _, dir := range []string{".", "aiofilestest"} {
		examples, types := map[string]bool{}, map[string]bool{}
		for _, name := range must(filepath.Glob(filepath.Join(dir, "*.go")))(t) {
			file := must(parser.ParseFile(token.NewFileSet(), name, nil, parser.SkipObjectResolution))(t)
			test := strings.HasSuffix(name, "_test.go")
			ast.Inspect(file, func(n ast.Node) bool {
				switch n := n.(type) {
				case *ast.FuncDecl:
					if of, ok := strings.CutPrefix(n.Name.Name, "Example"); ok && test {
						of, _, _ = strings.Cut(of, "_")
						examples[of] = true
					}
					return false
				case *ast.TypeSpec:
					if ast.IsExported(n.Name.Name) && !test {
						types[n.Name.Name] = true
					}
				}
				return true
			})
		}
		if len(types) == 0 {
			t.Errorf("no types in %s", dir)
		}
		for name := range types {
			if !examples[name] {
				t.Errorf("%s.%s has no Example", dir, name)
			}
		}
	}
}
