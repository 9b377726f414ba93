//go:build !amd64 || purego

package core

func prefetch([]byte, int) {}
