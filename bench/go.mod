module github.com/quartet-go/quartet/bench

go 1.26.0

require (
	github.com/go-resty/resty/v2 v2.17.2
	github.com/sourcegraph/conc v0.3.0
	github.com/valyala/fasthttp v1.72.0
	golang.org/x/sync v0.24.0
	golang.org/x/sys v0.49.0
)

require (
	github.com/fxamacker/cbor/v2 v2.9.6 // indirect
	github.com/x448/float16 v0.8.4 // indirect
)

require (
	github.com/andybalholm/brotli v1.2.8 // indirect
	github.com/klauspost/compress v1.20.3 // indirect
	github.com/quartet-go/quartet v0.0.0
	github.com/valyala/bytebufferpool v1.0.0 // indirect
	go.uber.org/atomic v1.7.0 // indirect
	go.uber.org/multierr v1.9.0 // indirect
	golang.org/x/net v0.62.0 // indirect
)

replace github.com/quartet-go/quartet => ../
