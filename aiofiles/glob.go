package aiofiles

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/bmatcuk/doublestar/v4"
)

// GlobOptions configures [Glob]. A nil pointer or a zero field means the default.
type GlobOptions struct {
	// Hidden lets *, ? and ** match names that begin with a dot. Default: only a
	// pattern that has the dot does.
	Hidden bool
}

// Glob yields the names that match pattern, those of a folder in order. In a name
// * is any text, ? any character, [a-z] and [!a-z] one of a set or not, {a,b} either;
// ** for a whole name is any number of folders, which are not looked for behind
// symbolic links. A pattern that nothing matches yields nothing, and a folder that
// may not be read is passed over. A malformed pattern is ErrBadPattern.
//
// Python: glob.iglob with recursive. Differs: {a,b}; the order is fixed.
func Glob(ctx context.Context, pattern string, opts *GlobOptions) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		g := &globber{ctx: ctx}
		if opts != nil {
			g.hidden = opts.Hidden
		}
		if !doublestar.ValidatePathPattern(pattern) {
			yield("", fmt.Errorf("%w: %q", ErrBadPattern, pattern))
			return
		}
		parts := strings.Split(filepath.ToSlash(pattern), "/")
		dir := filepath.VolumeName(pattern)
		if filepath.IsAbs(pattern) {
			dir += string(filepath.Separator)
		}
		stars := 0
		g.parts = parts[:0]
		for i, p := range parts {
			if p == "" && i < len(parts)-1 || p == "**" && len(g.parts) > 0 && g.parts[len(g.parts)-1] == "**" {
				continue
			}
			if p == "**" {
				stars++
			}
			g.parts = append(g.parts, p)
		}
		if stars > 1 { // two ways may lead to one name
			g.seen = map[string]bool{}
		}
		g.yield = func(name string, err error) bool {
			if g.seen != nil && err == nil {
				if g.seen[name] {
					return true
				}
				g.seen[name] = true
			}
			return yield(name, err)
		}
		g.match(dir, g.parts)
	}
}

type globber struct {
	ctx    context.Context
	hidden bool
	parts  []string
	seen   map[string]bool
	yield  func(string, error) bool
}

func hasMeta(part string) bool { return strings.ContainsAny(part, `*?[{\`) }

// shows reports whether a wildcard sees name.
func (g *globber) shows(part, name string) bool {
	return g.hidden || name[0] != '.' || strings.HasPrefix(part, ".")
}

// match yields what matches parts in dir. It reports false when the loop has ended.
func (g *globber) match(dir string, parts []string) bool {
	part, rest := parts[0], parts[1:]
	switch {
	case part == "**":
		return g.matchDeep(dir, rest)
	case part == "": // behind a slash at the end: folders only
		ok, err := IsDir(g.ctx, dir)
		if err != nil && g.ctx.Err() != nil {
			return g.yield("", err) && false
		}
		return !ok || g.yield(dir+string(filepath.Separator), nil)
	case !hasMeta(part):
		name := join(dir, part)
		if len(rest) > 0 {
			return g.match(name, rest)
		}
		ok, err := LinkExists(g.ctx, name)
		if err != nil && g.ctx.Err() != nil {
			return g.yield("", err) && false
		}
		return !ok || g.yield(name, nil)
	}
	entries, ok := g.list(dir)
	for _, e := range entries {
		if !g.shows(part, e.Name()) || !doublestar.MatchUnvalidated(part, e.Name()) {
			continue
		}
		name := join(dir, e.Name())
		switch {
		case len(rest) == 0:
			ok = g.yield(name, nil)
		case e.IsDir() || e.Type() == fs.ModeSymlink:
			ok = g.match(name, rest)
		}
		if !ok {
			return false
		}
	}
	return ok
}

// matchDeep yields what matches rest in dir and in any folder below it. Without rest
// it yields dir and everything below.
func (g *globber) matchDeep(dir string, rest []string) bool {
	if len(rest) > 0 && !g.match(dir, rest) {
		return false
	}
	entries, ok := g.list(dir)
	for _, e := range entries {
		if !g.shows("", e.Name()) {
			continue
		}
		name := join(dir, e.Name())
		if len(rest) == 0 && !g.yield(name, nil) {
			return false
		}
		if e.IsDir() && !g.matchDeep(name, rest) {
			return false
		}
	}
	return ok
}

// list reads a folder, which may not be one.
func (g *globber) list(dir string) (entries []fs.DirEntry, ok bool) {
	if dir == "" {
		dir = "."
	}
	entries, err := ReadDir(g.ctx, dir)
	switch {
	case err == nil, errors.Is(err, fs.ErrNotExist), errors.Is(err, fs.ErrPermission), errors.Is(err, syscall.ENOTDIR):
		return entries, true
	}
	g.yield("", err)
	return nil, false
}
