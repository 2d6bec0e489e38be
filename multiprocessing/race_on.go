//go:build race

package multiprocessing

import (
	"os"
	"strings"
)

// raceEnv keeps a child that is built with -race from sleeping for a second before
// it exits, unless the user chose how long.
func raceEnv() []string {
	const key, option = "GORACE", "atexit_sleep_ms="
	set := os.Getenv(key)
	if strings.Contains(set, option) {
		return nil
	}
	return []string{key + "=" + strings.TrimSpace(set+" "+option+"0")}
}
