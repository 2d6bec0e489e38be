package work

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/quartet-go/quartet/internal/leakcheck"
)

func TestMain(m *testing.M) { os.Exit(leakcheck.Run(m, nil)) }

func TestDigest(t *testing.T) {
	file := filepath.Join(t.TempDir(), "abc")
	if err := os.WriteFile(file, []byte("abc"), 0o644); err != nil {
		t.Fatal(err)
	}
	for hash, want := range map[string]string{ // FIPS 180-2, appendices B.1 and C.1
		"sha256": "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
		"sha512": "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f",
	} {
		got, err := DigestOf(t.Context(), DigestJob{file, hash})
		if err != nil || got != want {
			t.Errorf("digest %s = %s, %v, want %s", hash, got, err, want)
		}
	}
	if _, err := DigestOf(t.Context(), DigestJob{file, "crc"}); err == nil || !strings.Contains(err.Error(), "sha256, sha512") {
		t.Errorf("digest crc: %v, want what there is", err)
	}
	if _, err := DigestOf(t.Context(), DigestJob{file + "x", "sha256"}); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("digest of no file: %v", err)
	}
	given, cancel := context.WithCancelCause(t.Context())
	cause := errors.New("given up")
	cancel(cause)
	if _, err := DigestOf(given, DigestJob{file, "sha256"}); !errors.Is(err, cause) {
		t.Errorf("digest after the end of its ctx: %v, want its cause", err)
	}
}

func TestRun(t *testing.T) {
	for _, tt := range []struct {
		name string
		args []string
		want Outcome
	}{
		{"output", []string{"sh", "-c", `echo "$1"; echo err >&2`, "sh", "a b"}, Outcome{Stdout: []byte("a b\n"), Stderr: []byte("err\n")}},
		{"failure", []string{"sh", "-c", "echo no >&2; exit 3"}, Outcome{Stderr: []byte("no\n"), Failure: "exit status 3"}},
		{"signal", []string{"sh", "-c", "kill -9 $$"}, Outcome{Failure: "signal: killed"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := run(t.Context(), tt.args)
			if err != nil || !bytes.Equal(got.Stdout, tt.want.Stdout) || !bytes.Equal(got.Stderr, tt.want.Stderr) || got.Failure != tt.want.Failure {
				t.Errorf("run(%q) = %q, %v, want %q", tt.args, got, err, tt.want)
			}
		})
	}
	if _, err := run(t.Context(), []string{"no-such-program-here"}); err == nil {
		t.Error("a program that is not there: no error")
	}
}

func TestOutputIsBounded(t *testing.T) {
	h, tl := &head{limit: 4}, &tail{limit: 4}
	for _, s := range []string{"ab", "cde", "", "fghijkl", "m"} {
		for _, w := range []interface{ Write([]byte) (int, error) }{h, tl} {
			if n, err := w.Write([]byte(s)); n != len(s) || err != nil {
				t.Errorf("Write(%q) = %d, %v", s, n, err)
			}
		}
	}
	if h.String() != "abcd" || tl.String() != "jklm" {
		t.Errorf("head %q, tail %q, want abcd, jklm", h, tl)
	}
}
