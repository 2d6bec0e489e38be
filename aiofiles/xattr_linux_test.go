package aiofiles_test

import (
	"context"
	"errors"
	"slices"
	"syscall"
	"testing"

	"github.com/quartet-go/quartet/aiofiles"
)

func TestXattr(t *testing.T) {
	engines(t, func(t *testing.T, ctx context.Context) {
		name := temp(t, "x")
		err := aiofiles.Setxattr(ctx, name, "user.quartet", []byte("value"))
		if errors.Is(err, syscall.ENOTSUP) {
			t.Skip(err)
		}
		ok(t, err)
		if v := must(aiofiles.Getxattr(ctx, name, "user.quartet"))(t); string(v) != "value" {
			t.Errorf("Getxattr = %q", v)
		}
		if list := must(aiofiles.Listxattr(ctx, name))(t); !slices.Contains(list, "user.quartet") {
			t.Errorf("Listxattr = %q", list)
		}
		ok(t, aiofiles.Removexattr(ctx, name, "user.quartet"))
		if _, err := aiofiles.Getxattr(ctx, name, "user.quartet"); !errors.Is(err, syscall.ENODATA) {
			t.Errorf("Getxattr of none = %v", err)
		}
	})
}
