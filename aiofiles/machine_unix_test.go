//go:build unix

package aiofiles_test

import (
	"context"
	"errors"
	"io/fs"
	"path/filepath"
	"testing"

	"github.com/quartet-go/quartet/aiofiles"
	"github.com/quartet-go/quartet/aiofiles/aiofilestest"
)

func TestMachineCalls(t *testing.T) {
	engines(t, func(t *testing.T, ctx context.Context) {
		name := temp(t, "x")
		if yes := must(aiofiles.MayAccess(ctx, name, aiofiles.CanRead|aiofiles.CanWrite))(t); !yes {
			t.Error("MayAccess says that the file may not be read and written")
		}
		if yes := must(aiofiles.MayAccess(ctx, name, aiofiles.CanExecute))(t); yes {
			t.Error("MayAccess says that the file may be executed")
		}
		if yes := must(aiofiles.MayAccess(ctx, name+"2", 0))(t); yes {
			t.Error("MayAccess says that a file exists that does not")
		}
		fifo := filepath.Join(filepath.Dir(name), "fifo")
		ok(t, aiofiles.Mkfifo(ctx, fifo, 0o600))
		if info := must(aiofiles.Lstat(ctx, fifo))(t); info.Mode().Type() != fs.ModeNamedPipe {
			t.Errorf("Mkfifo made %v", info.Mode())
		}
		v := must(aiofiles.StatVolume(ctx, name))(t)
		if v.BlockSize <= 0 || v.Size < v.Free || v.Free < v.Available || v.Size == 0 {
			t.Errorf("StatVolume = %+v", v)
		}
		for path, want := range map[string]bool{"/": true, name: false, filepath.Dir(name): false, name + "2": false} {
			if got := must(aiofiles.IsMount(ctx, path))(t); got != want {
				t.Errorf("IsMount(%q) = %v", path, got)
			}
		}
	})
	mem := aiofiles.WithFS(t.Context(), aiofilestest.NewMem())
	if _, err := aiofiles.StatVolume(mem, "/"); !errors.Is(err, errors.ErrUnsupported) {
		t.Errorf("StatVolume in memory = %v", err)
	}
}
