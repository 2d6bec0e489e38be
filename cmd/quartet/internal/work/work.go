// Package work holds what worker processes do with a file: the functions that
// quartet registers, and what they take and give back.
package work

import (
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/hex"
	"fmt"
	"hash"
	"io"
	"maps"
	"os"
	"os/exec"
	"slices"
	"strings"
	"time"

	"github.com/quartet-go/quartet/multiprocessing"
)

var hashes = map[string]func() hash.Hash{
	"sha256": sha256.New,
	"sha512": sha512.New,
}

// Hashes returns the names of the digests that there are.
func Hashes() []string { return slices.Sorted(maps.Keys(hashes)) }

// A DigestJob asks for the digest of File by the hash of that name.
type DigestJob struct {
	File string
	Hash string
}

// Digest is DigestOf in a worker.
var Digest = multiprocessing.Register("digest", DigestOf)

// DigestOf returns the digest of a file in hexadecimal.
func DigestOf(ctx context.Context, job DigestJob) (string, error) {
	newHash, ok := hashes[job.Hash]
	if !ok {
		return "", fmt.Errorf("no digest %q, there are %s", job.Hash, strings.Join(Hashes(), ", "))
	}
	f, err := os.Open(job.File)
	if err != nil {
		return "", err
	}
	defer func() { _ = f.Close() }()
	h := newHash()
	if _, err := io.CopyBuffer(h, untilDone{ctx, f}, make([]byte, 256<<10)); err != nil {
		return "", err
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

// untilDone reads until ctx ends. It has no WriteTo, so io.CopyBuffer uses the
// buffer it is given.
type untilDone struct {
	ctx context.Context
	r   io.Reader
}

func (u untilDone) Read(p []byte) (int, error) {
	if err := u.ctx.Err(); err != nil {
		return 0, context.Cause(u.ctx)
	}
	return u.r.Read(p)
}

// MaxOutputBytes is how much of a command's output comes back: its start, and
// of stderr its end.
const MaxOutputBytes = 1 << 20

// An Outcome is what a command left.
type Outcome struct {
	Stdout []byte
	Stderr []byte
	// Failure is how the command failed, "exit status 2", or "".
	Failure string
}

// Exec runs the command that its arguments are, without a shell, and waits for
// its end. A command that failed is an Outcome; one that could not be started is
// an error.
var Exec = multiprocessing.Register("exec", run)

func run(ctx context.Context, args []string) (Outcome, error) {
	stdout, stderr := &head{limit: MaxOutputBytes}, &tail{limit: 64 << 10}
	cmd := exec.CommandContext(ctx, args[0], args[1:]...)
	cmd.Stdout, cmd.Stderr = stdout, stderr
	cmd.WaitDelay = 5 * time.Second // for who inherited the pipes
	err := cmd.Run()
	outcome := Outcome{Stdout: stdout.Bytes(), Stderr: stderr.Bytes()}
	if cmd.ProcessState == nil {
		return Outcome{}, err
	}
	if err != nil {
		outcome.Failure = err.Error()
	}
	return outcome, nil
}

// A head keeps the first limit bytes of what is written to it.
type head struct {
	bytes.Buffer
	limit int
}

func (h *head) Write(p []byte) (int, error) {
	h.Buffer.Write(p[:min(len(p), h.limit-h.Len())])
	return len(p), nil
}

// A tail keeps the last limit bytes of what is written to it.
type tail struct {
	bytes.Buffer
	limit int
}

func (t *tail) Write(p []byte) (int, error) {
	kept := p[max(0, len(p)-t.limit):]
	t.Next(max(0, t.Len()+len(kept)-t.limit))
	t.Buffer.Write(kept)
	return len(p), nil
}
