package aiofiles_test

import (
	"compress/gzip"
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/quartet-go/quartet/aiofiles"
	"github.com/quartet-go/quartet/aiofiles/aiofilestest"
)

type pyError struct {
	Error  string
	At     int64
	Reason string
}

type pyCall struct {
	Op     string
	N      int64
	Whence int
	Data   string
	Result json.RawMessage
	Error  *pyError
}

type pyCase struct {
	Initial, Mode, Encoding, Errors string
	Newline                         *string
	Open                            *pyError
	Calls                           []pyCall
	Final                           string
}

// TestPythonVectors plays what testdata/python/gen.py recorded from CPython.
func TestPythonVectors(t *testing.T) {
	t.Parallel()
	var golden struct {
		Cases []pyCase
	}
	zipped := must(os.Open("testdata/python/vectors.json.gz"))(t)
	defer zipped.Close()
	if err := json.NewDecoder(must(gzip.NewReader(zipped))(t)).Decode(&golden); err != nil {
		t.Fatal(err)
	}
	if len(golden.Cases) < 2000 {
		t.Fatalf("%d cases", len(golden.Cases))
	}
	mem := aiofilestest.NewMem()
	name := filepath.Join(t.TempDir(), "f")
	all := soak(0)(0)
	for i, c := range golden.Cases {
		for engine, run := range []struct {
			engine string
			ctx    context.Context
			fsys   aiofiles.FS
		}{
			{"place", context.Background(), aiofiles.OS},
			{"helper", t.Context(), mem},
		} {
			if i%2 != engine && !all { // QUARTET_SOAK plays each on both
				continue
			}
			p := &pyPlayer{TB: t, ctx: aiofiles.WithFS(run.ctx, run.fsys), name: name, c: c}
			if run.fsys == mem {
				p.name = "/f"
			}
			p.id = fmt.Sprintf("case %d engine=%s mode=%q encoding=%q errors=%q", i, run.engine, c.Mode, c.Encoding, c.Errors)
			if c.Newline != nil {
				p.id += fmt.Sprintf(" newline=%q", *c.Newline)
			}
			p.play()
			if t.Failed() {
				t.FailNow()
			}
		}
	}
}

// pyPlayer plays one case.
type pyPlayer struct {
	testing.TB
	ctx   context.Context
	name  string
	id    string
	c     pyCase
	f     *aiofiles.File
	tells []int64
}

func unhex(t testing.TB, s string) []byte { return must(hex.DecodeString(s))(t) }

func (p *pyPlayer) play() {
	p.Helper()
	if err := aiofiles.WriteFile(p.ctx, p.name, unhex(p, p.c.Initial), 0o600); err != nil {
		p.Fatal(err)
	}
	opts := &aiofiles.OpenOptions{Encoding: p.c.Encoding, Errors: p.c.Errors}
	if p.c.Newline != nil {
		opts.Newline = map[string]aiofiles.Newline{
			"": aiofiles.KeepNewline, "\n": aiofiles.NewlineLF, "\r": aiofiles.NewlineCR, "\r\n": aiofiles.NewlineCRLF,
		}[*p.c.Newline]
	}
	f, err := aiofiles.Open(p.ctx, p.name, p.c.Mode, opts)
	if p.c.Mode == "" { // Go's zero value is the default, "r"
		if err == nil {
			f.Close()
		}
		return
	}
	p.sameError("open", err, p.c.Open)
	if err != nil {
		return
	}
	p.f = f
	for i, call := range p.c.Calls {
		p.call(fmt.Sprintf("call %d, %s %d", i, call.Op, call.N), call)
	}
	if err := f.Close(); err != nil {
		p.Errorf("%s: Close = %v", p.id, err)
	}
	if got := hex.EncodeToString(must(aiofiles.ReadFile(p.ctx, p.name))(p)); got != p.c.Final {
		p.Errorf("%s: the file ends as\n%.200s, CPython's as\n%.200s", p.id, got, p.c.Final)
	}
}

func (p *pyPlayer) call(what string, call pyCall) {
	var got any
	var err error
	switch call.Op {
	case "read":
		var b []byte
		if b, err = p.f.ReadN(p.ctx, int(call.N)); err == io.EOF {
			err = nil
		}
		got = hex.EncodeToString(b)
	case "readline":
		var s string
		if s, err = p.f.ReadLine(p.ctx); err == io.EOF {
			err = nil
		}
		got = hex.EncodeToString([]byte(s))
	case "readlines":
		var lines []string
		lines, err = p.f.ReadLines(p.ctx)
		all := []any{}
		for _, l := range lines {
			all = append(all, hex.EncodeToString([]byte(l)))
		}
		got = all
	case "newlines":
		ends, _ := p.f.Newlines(p.ctx)
		all := []any{}
		for _, e := range ends {
			all = append(all, hex.EncodeToString([]byte(e)))
		}
		got = all
	case "write":
		_, err = p.f.Write(p.ctx, unhex(p, call.Data))
	case "tell":
		var pos int64
		pos, err = p.f.Tell(p.ctx)
		p.tells = append(p.tells, pos)
		got = float64(pos)
	case "back":
		pos := int64(0)
		if call.N >= 0 {
			pos = p.tells[call.N]
		}
		_, err = p.f.Seek(p.ctx, pos, io.SeekStart)
	case "seek":
		var pos int64
		pos, err = p.f.Seek(p.ctx, call.N, call.Whence)
		got = float64(pos)
	case "truncate":
		err = p.f.Truncate(p.ctx, call.N)
	case "flush":
		err = p.f.Flush(p.ctx)
	}
	p.sameError(what, err, call.Error)
	if call.Result == nil || err != nil {
		return
	}
	var want any
	if err := json.Unmarshal(call.Result, &want); err != nil {
		p.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		p.Errorf("%s: %s (-python +ours):\n%.500s", p.id, what, diff)
	}
}

// sameError compares an error with CPython's.
func (p *pyPlayer) sameError(what string, err error, want *pyError) {
	p.Helper()
	kind := ""
	if want != nil {
		kind = want.Error
	}
	targets := map[string]error{
		"exist": fs.ErrExist, "notexist": fs.ErrNotExist, "notreadable": aiofiles.ErrNotReadable,
		"notwritable": aiofiles.ErrNotWritable, "mode": aiofiles.ErrMode, "encoding argument": aiofiles.ErrMode,
		"errors argument": aiofiles.ErrMode, "newline argument": aiofiles.ErrMode, "invalid": fs.ErrInvalid,
	}
	ok := false
	switch kind {
	case "":
		ok = err == nil
	case "decode":
		var bad *aiofiles.DecodeError
		// CPython decodes first and misses the mark afterwards.
		ok = errors.As(err, &bad) && (bad.Reason == "Stream does not start with BOM" || want.At < 0 || bad.Offset == want.At && bad.Reason == want.Reason)
	case "encode":
		var bad *aiofiles.EncodeError
		ok = errors.As(err, &bad) && int64(bad.Index) == want.At && bad.Reason == want.Reason
	default:
		ok = errors.Is(err, targets[kind])
	}
	if !ok {
		p.Errorf("%s: %s = %v, CPython's error is %+v", p.id, what, err, want)
	}
}
