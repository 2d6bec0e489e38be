package fetch

import (
	"context"
	"net/http"
	"time"
)

// Options configures a [Fetcher]. A zero field means the default.
type Options struct {
	// Dir is where the files go. It is made if it is not there. Default: the
	// current directory.
	Dir string
	// Jobs is how many items are worked on at once. Default: 32.
	Jobs int
	// PerHost is how many requests to one host are in flight at once. Default: 16.
	PerHost int
	// Timeout ends an attempt that takes longer. Default: none; but a server that
	// sends nothing for as long as aiohttp's own limits say is given up.
	Timeout time.Duration
	// Retries is how many attempts may follow the first, or one that brought more of a
	// file that could be resumed. Default: 4. Negative: none.
	Retries int
	// Delay is the pause after the first attempt; it doubles with each, up to
	// MaxDelay. Default: 200ms, 20s.
	Delay, MaxDelay time.Duration
	// MaxWait is the longest wait that a server may ask for; more fails the item.
	// Default: 5m.
	MaxWait time.Duration
	// Grace is how long items that run may take after [Fetcher.Drain]. Default: 10s.
	Grace time.Duration
	// Header goes with each request.
	Header http.Header
	// UserAgent is the header of that name. Default: that of aiohttp.
	UserAgent string

	// Digest is the name of a hash; the digest of each file goes into its record.
	// Default: none.
	Digest string
	// Exec is a command that runs once on each finished file, with its path in
	// place of {}. Default: none.
	Exec []string
	// Workers is how many processes work on files. Default: the number of CPUs.
	Workers int
	// WorkTimeout and WorkMemory stop the work on one item that runs longer, or
	// takes more bytes. Default: no limit.
	WorkTimeout time.Duration
	WorkMemory  int64

	// Work, if set, is what is done to a file instead of Digest and Exec.
	Work WorkFunc
	// OnAttempt, if set, is told of each attempt. It must not block.
	OnAttempt func(Attempt)
}

// A WorkFunc works on the file at path, by [Apply], and returns its digest, or "".
type WorkFunc func(ctx context.Context, f *Fetcher, path string) (digest string, err error)

// An Attempt is one try to get one URL.
type Attempt struct {
	URL       string
	Number    int // counted from 1
	Status    int // of the last response, or 0 if none came
	Redirects int
	Encoding  string // the Content-Encoding of the response
	Err       error  // nil if the file is there, whole
	Took      time.Duration
}

func (o *Options) setDefaults() {
	setDefault(&o.Dir, ".")
	setDefault(&o.Jobs, 32)
	setDefault(&o.PerHost, 16)
	setDefault(&o.Retries, 4)
	setDefault(&o.MaxDelay, 20*time.Second)
	setDefault(&o.MaxWait, 5*time.Minute)
	setDefault(&o.Grace, 10*time.Second)
}

func setDefault[T comparable](field *T, value T) {
	if *field == *new(T) {
		*field = value
	}
}
