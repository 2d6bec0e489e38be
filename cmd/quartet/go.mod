module github.com/quartet-go/quartet/cmd/quartet

go 1.26.0

require github.com/quartet-go/quartet v0.0.0
