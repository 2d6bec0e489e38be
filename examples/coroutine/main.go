// Coroutine builds a call, and makes it later by running a loop until it has returned.
package main

import (
	"context"
	"errors"
	"fmt"
	"log"
	"time"

	"github.com/quartet-go/quartet/asyncio"
)

func request(ctx context.Context, url string) (string, error) {
	fmt.Println("requesting:", url)
	if err := asyncio.Sleep(ctx, 10*time.Millisecond); err != nil {
		return "", err
	}
	fmt.Println(url, "succeeded")
	return time.Now().Format(time.DateTime), nil
}

func main() {
	ctx := context.Background()
	c := asyncio.Coro(request, "www.baidu.com") // runs nothing
	fmt.Println("made", c)

	loop := asyncio.NewLoop(nil)
	defer loop.Close()
	when, err := asyncio.RunUntilComplete(ctx, loop, c)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("returned", when)

	_, err = asyncio.RunUntilComplete(ctx, loop, c)
	fmt.Println("again:", err, errors.Is(err, asyncio.ErrCoroutineReused))
}
