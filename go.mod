module github.com/hisock/hisock

go 1.25.0

require (
	github.com/stretchr/testify v1.12.1
	nhooyr.io/websocket v1.8.17
)

require go.yaml.in/yaml/v3 v3.0.5 // indirect
