package aiohttp_test

import (
	"context"
	"fmt"
	"os"
	"testing"

	"github.com/quartet-go/quartet/aiohttp"
	"github.com/quartet-go/quartet/internal/leakcheck"
)

// childURL makes the test binary a program that downloads, to be killed.
const childURL, childFile = "AIOHTTP_TEST_CHILD_URL", "AIOHTTP_TEST_CHILD_FILE"

func TestMain(m *testing.M) {
	if url := os.Getenv(childURL); url != "" {
		os.Exit(downloadAsChild(url, os.Getenv(childFile)))
	}
	os.Exit(leakcheck.Run(m, nil))
}

func downloadAsChild(url, name string) int {
	s, err := aiohttp.NewSession(nil)
	if err == nil {
		defer s.Close()
		_, err = s.Download(context.Background(), url, name, nil)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}
