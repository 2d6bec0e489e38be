// Future makes futures of one coroutine and of many, and waits for them.
package main

import (
	"context"
	"fmt"
	"log"

	"github.com/quartet-go/quartet/asyncio"
)

func request(ctx context.Context, url string) (string, error) {
	fmt.Println("requesting:", url)
	return "page of " + url, asyncio.Sleep(ctx, 0)
}

func main() {
	ctx := context.Background()
	loop := asyncio.NewLoop(nil)
	defer loop.Close()

	// One.
	future := asyncio.EnsureFuture(loop, asyncio.Coro(request, "www.baidu.com"))
	fmt.Println("the same:", asyncio.EnsureFuture(loop, future) == future)
	page, err := asyncio.RunUntilComplete(ctx, loop, future)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(page)

	// Many, with Wait.
	var tasks []asyncio.AnyFuture[string]
	for _, url := range []string{"python.org", "go.dev", "kernel.org"} {
		tasks = append(tasks, asyncio.EnsureFuture(loop, asyncio.Coro(request, url)))
	}
	res, err := asyncio.RunUntilComplete(ctx, loop, asyncio.Coro2(asyncio.Wait, tasks, nil))
	if err != nil {
		log.Fatal(err)
	}
	for _, task := range res.Done {
		page, err := task.Result()
		fmt.Println(page, err)
	}
	fmt.Println("pending:", len(res.Pending))

	// A future of its own, completed by a callback.
	answer := asyncio.NewFuture[int](loop)
	fmt.Println(answer)
	loop.CallSoon(func() { answer.SetResult(42) })
	n, err := asyncio.RunUntilComplete(ctx, loop, answer)
	fmt.Println(n, err, answer)
}
