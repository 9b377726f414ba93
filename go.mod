module github.com/hisock/hisock

go 1.25.0
