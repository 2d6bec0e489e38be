package asyncio_test

import (
	"os"
	"testing"

	"github.com/quartet-go/quartet/internal/leakcheck"
)

func TestMain(m *testing.M) {
	if name := os.Getenv(hazardEnv); name != "" {
		os.Exit(hazard(name))
	}
	os.Exit(leakcheck.Run(m, nil))
}
