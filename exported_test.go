package quartet_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// A kind is what a name stands for.
type kind int

const (
	nothing kind = iota
	function
	typ
	value
	member // method or field
)

// exportedByPackage returns the exported names of the four packages, as
// asyncio.Run, asyncio.Task.Name and asyncio.LoopOptions.Grace.
func exportedByPackage(t *testing.T) map[string]kind {
	t.Helper()
	all := map[string]kind{}
	for _, pkg := range theFour {
		for name, k := range declared(t, pkg) {
			if exported(name) {
				all[pkg+"."+name] = k
			}
		}
	}
	return all
}

// exported reports whether all parts of Name, Type.Method or Type.Field are.
func exported(name string) bool {
	return !slices.ContainsFunc(strings.Split(name, "."), func(part string) bool { return !ast.IsExported(part) })
}

// declared returns what a package declares: Name, Type.Method and Type.Field,
// those of embedded structs among them.
func declared(t *testing.T, dir string) map[string]kind {
	t.Helper()
	d := declarations{names: map[string]kind{}, embeds: map[string][]string{}}
	files, err := filepath.Glob(filepath.Join(dir, "*.go"))
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		f, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		for _, decl := range f.Decls {
			d.add(decl)
		}
	}
	d.promote()
	return d.names
}

type declarations struct {
	names  map[string]kind
	embeds map[string][]string // type → types that it embeds
}

func (d *declarations) add(decl ast.Decl) {
	switch decl := decl.(type) {
	case *ast.FuncDecl:
		if decl.Recv == nil {
			d.names[decl.Name.Name] = function
		} else {
			d.names[typeName(decl.Recv.List[0].Type)+"."+decl.Name.Name] = member
		}
	case *ast.GenDecl:
		for _, spec := range decl.Specs {
			switch s := spec.(type) {
			case *ast.ValueSpec:
				for _, n := range s.Names {
					d.names[n.Name] = value
				}
			case *ast.TypeSpec:
				d.names[s.Name.Name] = typ
				d.addMembers(s)
			}
		}
	}
}

// addMembers adds the fields of a struct or the methods of an interface.
func (d *declarations) addMembers(s *ast.TypeSpec) {
	var list *ast.FieldList
	switch typ := s.Type.(type) {
	case *ast.StructType:
		list = typ.Fields
	case *ast.InterfaceType:
		list = typ.Methods
	default:
		return
	}
	for _, field := range list.List {
		for _, n := range field.Names {
			d.names[s.Name.Name+"."+n.Name] = member
		}
		if len(field.Names) == 0 {
			d.embeds[s.Name.Name] = append(d.embeds[s.Name.Name], typeName(field.Type))
		}
	}
}

// promote gives each type what it embeds, to any depth.
func (d *declarations) promote() {
	for more := true; more; {
		before := len(d.names)
		for outer, inners := range d.embeds {
			for _, full := range slices.Collect(maps.Keys(d.names)) {
				if owner, name, ok := strings.Cut(full, "."); ok && slices.Contains(inners, owner) {
					d.names[outer+"."+name] = member
				}
			}
		}
		more = len(d.names) > before
	}
}

// typeName returns T of T, *T, T[P] and *T[P], and "" of what is no type of the
// package.
func typeName(expr ast.Expr) string {
	switch e := expr.(type) {
	case *ast.StarExpr:
		return typeName(e.X)
	case *ast.IndexExpr:
		return typeName(e.X)
	case *ast.IndexListExpr:
		return typeName(e.X)
	case *ast.Ident:
		return e.Name
	}
	return ""
}

func TestDeclared(t *testing.T) {
	all := exportedByPackage(t)
	for name, want := range map[string]kind{
		"asyncio.Run": function, "asyncio.Task": typ, "asyncio.AllCompleted": value, "multiprocessing.ErrTimeout": value,
		"asyncio.Task.Done": member, "asyncio.Task.SetName": member, "asyncio.RunOptions.Grace": member,
		"asyncio.AnyTask.Name": member, "multiprocessing.Args2.A": member,
		"asyncio.run": nothing, "asyncio.Task.fut": nothing, "asyncio.taskCore.Name": nothing, "asyncio.Nothing": nothing,
	} {
		if got := all[name]; got != want {
			t.Errorf("%s is of kind %d, want %d", name, got, want)
		}
	}
}
