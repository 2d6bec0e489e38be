// Crawler fetches a site with all four packages: tasks of an asyncio loop follow
// its links, aiohttp streams each body, aiofiles writes it to a file, and worker
// processes digest the files and answer by callback.
package main

import (
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"maps"
	"os"
	"regexp"
	"runtime/debug"
	"slices"
	"strings"

	"github.com/quartet-go/quartet/aiofiles"
	"github.com/quartet-go/quartet/aiohttp"
	"github.com/quartet-go/quartet/asyncio"
	mp "github.com/quartet-go/quartet/multiprocessing"
)

var digest = mp.Register("digest", func(ctx context.Context, name string) (string, error) {
	data, err := aiofiles.ReadFile(ctx, name)
	return fmt.Sprintf("%8d bytes, sha256 %x", len(data), sha256.Sum256(data)), err
})

var (
	session *aiohttp.Session
	pool    *mp.Pool
	dir     string
	seen    = map[string]bool{}   // paths; what tasks of one loop share needs no lock
	sums    = map[string]string{} // by path; nor what callbacks share, who come one by one
)

func visit(ctx context.Context, path string) (string, error) {
	if seen[path] {
		return "", nil
	}
	seen[path] = true
	resp, err := session.Get(ctx, path, nil)
	if err != nil {
		return "", err
	}
	defer resp.Close()
	name := dir + "/page" + strings.ReplaceAll(path, "/", "-")
	file, err := aiofiles.Open(ctx, name, "wb", nil)
	if err != nil {
		return "", err
	}
	defer file.Close()
	page, out := strings.Builder{}, io.Writer(file.Stream(ctx))
	if resp.ContentType() == "text/html" {
		out = io.MultiWriter(out, &page)
	}
	if _, err := io.Copy(out, resp); err != nil {
		return "", err
	}
	sum := mp.ApplyAsync(ctx, pool, digest, name, &mp.AsyncOptions[string]{Callback: func(s string) error { sums[path] = s; return nil }})
	var links []asyncio.Awaitable[string]
	for _, link := range regexp.MustCompile(`href="([^"]+)"`).FindAllStringSubmatch(page.String(), -1) {
		links = append(links, asyncio.Coro(visit, link[1]))
	}
	if _, err := asyncio.Gather(ctx, links...); err != nil {
		return "", err
	}
	return sum.Get(ctx)
}

func run() int {
	server := serveSite()
	defer server.Close()
	dir = must(os.MkdirTemp("", "crawler-"))
	defer os.RemoveAll(dir)
	pool = must(mp.NewPool(context.Background(), &mp.PoolOptions{Workers: 2}))
	defer pool.Terminate()
	session = must(aiohttp.NewSession(&aiohttp.SessionOptions{BaseURL: server.URL}))
	defer session.Close()
	debug.SetGCPercent(40) // what the chunks leave is collected early
	before := mapped()
	must(asyncio.Run(context.Background(), func(ctx context.Context) (string, error) { return visit(ctx, "/") }, nil))
	for _, path := range slices.Sorted(maps.Keys(sums)) {
		fmt.Printf("%-10s %s\n", path, sums[path])
	}
	fmt.Println("less than 8 MB more memory:", mapped()-before < 8_000_000)
	return 0
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

func main() { os.Exit(mp.Main(run)) }
