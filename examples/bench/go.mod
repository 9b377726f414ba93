module github.com/hisock/hisock/examples/bench

go 1.26.0

replace github.com/hisock/hisock => ../..

require (
	github.com/gorilla/websocket v1.5.3
	github.com/hisock/hisock v0.0.0
	github.com/lxzan/gws v1.8.9
)

require (
	github.com/dolthub/maphash v0.1.0 // indirect
	github.com/klauspost/compress v1.17.9 // indirect
	nhooyr.io/websocket v1.8.17
)
