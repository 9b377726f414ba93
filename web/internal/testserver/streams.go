//go:build !js

package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"iter"
	"strings"
	"sync/atomic"
	"time"

	"github.com/hisock/hisock/core"
)

// streams registers handlers of streams, and commands that open streams to a page.
func streams(srv *core.Server) {
	var sent, over atomic.Int64
	core.HandleStream(srv, "numbers", func(_ context.Context, _ *core.Conn, n int, send func(int) error) error {
		for i := range n {
			if err := send(i); err != nil {
				return err
			}
		}
		return nil
	})
	// slowly lasts while links are cut.
	core.HandleStream(srv, "slowly", func(_ context.Context, _ *core.Conn, n int, send func(int) error) error {
		for i := range n {
			if err := send(i); err != nil {
				return err
			}
			time.Sleep(time.Millisecond)
		}
		return nil
	})
	core.HandleStream(srv, "endless", func(_ context.Context, _ *core.Conn, size int, send func(string) error) error {
		sent.Store(0)
		defer over.Add(1)
		item := strings.Repeat("x", size)
		for {
			if err := send(item); err != nil {
				return err
			}
			sent.Add(1)
		}
	})
	core.Handle(srv, "sent", func(context.Context, *core.Conn, struct{}) (int64, error) { return sent.Load(), nil })
	core.Handle(srv, "over", func(context.Context, *core.Conn, struct{}) (int64, error) { return over.Load(), nil })
	core.HandleStream(srv, "breaks", func(_ context.Context, _ *core.Conn, n int, send func(int) error) error {
		for i := range n {
			if err := send(i); err != nil {
				return err
			}
		}
		return &core.Error{Code: codeSoldOut, Message: "sold out", Details: []byte(`{"left":0}`)}
	})
	core.HandleUpload(srv, "total", func(_ context.Context, _ *core.Conn, from int, items iter.Seq2[int, error]) (int, error) {
		defer over.Add(1)
		for n, err := range items {
			if err != nil {
				return 0, err
			}
			from += n
		}
		return from, nil
	})
	core.HandleUpload(srv, "first", func(_ context.Context, _ *core.Conn, _ struct{}, items iter.Seq2[string, error]) (string, error) {
		for text, err := range items {
			return text, err
		}
		return "", nil
	})
	core.HandleUpload(srv, "never", func(ctx context.Context, _ *core.Conn, _ struct{}, _ iter.Seq2[[]byte, error]) (int, error) {
		<-ctx.Done()
		over.Add(1)
		return 0, ctx.Err()
	})
	core.HandleExchange(srv, "upper", func(_ context.Context, _ *core.Conn, _ struct{}, items iter.Seq2[string, error], send func(string) error) error {
		for text, err := range items {
			if err != nil {
				return err
			}
			if err = send(strings.ToUpper(text)); err != nil {
				return err
			}
		}
		return nil
	})
	core.HandleByteStream(srv, "bytes back", func(_ context.Context, _ *core.Conn, _ struct{}, s *core.ByteStream) error {
		defer over.Add(1)
		_, err := io.Copy(s, s)
		return err
	})
	core.HandleByteStream(srv, "sha256", func(_ context.Context, _ *core.Conn, _ struct{}, s *core.ByteStream) error {
		h := sha256.New()
		if _, err := io.Copy(h, s); err != nil {
			return err
		}
		_, err := io.WriteString(s, hex.EncodeToString(h.Sum(nil)))
		return err
	})
	hold(srv)
	// What follows opens streams to the page.
	core.Handle(srv, "take from page", func(ctx context.Context, c *core.Conn, most int) ([]string, error) {
		var got []string
		for text, err := range core.Stream[string](ctx, c, "letters", most) {
			if err != nil {
				return append(got, core.CodeOf(err).String()), nil
			}
			if got = append(got, text); len(got) == most {
				break
			}
		}
		return got, nil
	}, core.Concurrent())
	core.Handle(srv, "sum at page", func(ctx context.Context, c *core.Conn, in []int) (int, error) {
		return core.Upload[int](ctx, c, "sum", 0, func(yield func(int) bool) {
			for _, n := range in {
				if !yield(n) {
					return
				}
			}
		})
	}, core.Concurrent())
}

// hold registers the handler of a stream that takes all, and waits until it is released before it answers.
func hold(srv *core.Server) {
	release, outcome := make(chan int), make(chan string)
	core.HandleByteStream(srv, "hold", func(ctx context.Context, _ *core.Conn, _ struct{}, s *core.ByteStream) error {
		taken, err := io.Copy(io.Discard, s)
		if err != nil {
			return err
		}
		said := fmt.Sprint(taken, " taken")
		select {
		case <-ctx.Done():
			said += ", given up"
			<-release
		case n := <-release:
			if _, err = s.Write(make([]byte, n)); err != nil {
				said += ", " + core.CodeOf(err).String()
			}
		}
		outcome <- said
		return err
	})
	core.Handle(srv, "release", func(_ context.Context, _ *core.Conn, n int) (string, error) {
		release <- n
		return <-outcome, nil
	}, core.Concurrent())
}
