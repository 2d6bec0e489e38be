package main

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/quartet-go/quartet/bench/internal/nginx"
	"github.com/quartet-go/quartet/bench/internal/peer"
)

// hostLines tells where and with what is measured.
func hostLines(ctx context.Context) []string {
	lines := []string{
		fmt.Sprintf("date: %s", time.Now().UTC().Format("2006-01-02 15:04 MST")),
		fmt.Sprintf("machine: %d of %s, Linux %s", runtime.NumCPU(), processor(), kernel()),
		fmt.Sprintf("load before: %s", firstLine(os.ReadFile("/proc/loadavg"))),
		fmt.Sprintf("Go: %s", runtime.Version()),
	}
	if python, err := peer.Interpreter(); err == nil {
		lines = append(lines,
			"Python: "+version(ctx, python, "-VV"),
			"Python peers: "+version(ctx, python, "-c", peerVersions))
	}
	commands := [][]string{{"curl", "--version"}, {"aria2c", "--version"}}
	if binary, err := nginx.Binary(); err == nil {
		commands = append(commands, []string{binary, "-v"})
	}
	for _, c := range commands {
		if v := version(ctx, c[0], c[1:]...); v != "" {
			lines = append(lines, v)
		}
	}
	return lines
}

const peerVersions = `
from importlib.metadata import version
print(", ".join(p + " " + version(p) for p in "uvloop aiohttp httpx aiofiles anyio pebble mpire".split()))`

// version is the first line that a command prints, or nothing.
func version(ctx context.Context, name string, args ...string) string {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	return firstLine(exec.CommandContext(ctx, name, args...).CombinedOutput())
}

func firstLine(text []byte, err error) string {
	if err != nil {
		return ""
	}
	line, _, _ := bytes.Cut(text, []byte("\n"))
	return string(line)
}

func processor() string {
	f, err := os.Open("/proc/cpuinfo")
	if err != nil {
		return runtime.GOARCH
	}
	defer f.Close()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		if name, ok := strings.CutPrefix(lines.Text(), "model name\t: "); ok {
			return name
		}
	}
	return runtime.GOARCH
}

func kernel() string {
	var u unix.Utsname
	if err := unix.Uname(&u); err != nil {
		return ""
	}
	return unix.ByteSliceToString(u.Release[:])
}
