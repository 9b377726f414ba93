package core

import (
	"context"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hisock/hisock/core/internal/convert"
)

func TestDecodeList(t *testing.T) {
	testDecodeList(t, testCodec{}) // counts its conversions
	if !browser {
		testDecodeList(t, convert.Default{})
	}
}

func testDecodeList(t *testing.T, codec Codec) {
	var when time.Time
	var who line
	var n *int
	var rest any
	require.NoError(t, decodeList(codec, []byte(` ["2026-01-02T03:04:05Z", {"From": "a"}, null, [1]]`), &when, &who, &n, &rest))
	require.Equal(t, time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC), when)
	require.Equal(t, line{From: "a"}, who)
	require.Nil(t, n)
	require.Equal(t, []any{1.0}, rest)

	for payload, want := range map[string]string{
		"":                 "does not convert",
		"7":                "does not convert",
		`{"0": 1, "1": 2}`: "does not convert",
		`["1", 2]`:         "does not convert",
		`[1, 256]`:         "does not convert",
		`[1, 2`:            "does not convert",
		"null":             "a list of 0, not of 2",
		"[1]":              "a list of 1, not of 2",
		"[]":               "a list of 0, not of 2",
		"[1, 2, [3]]":      "a list of more than 2, not of 2",
	} {
		var a int
		var b uint8
		err := decodeList(codec, []byte(payload), &a, &b)
		require.Equal(t, CodeBadPayload, CodeOf(err), payload)
		require.ErrorContains(t, err, want)
	}
}

// A valueCodec converts the values of a list itself, as some codecs do.
type valueCodec struct{ testCodec }

func (valueCodec) Unmarshal(_ []byte, v any) error {
	*v.(*[]any) = []any{1, "a"}
	return nil
}

func TestDecodeListNeedsPointersFilled(t *testing.T) {
	var n int
	var s string
	require.Equal(t, CodeUnsupported, CodeOf(decodeList(valueCodec{}, nil, &n, &s)))
	require.Zero(t, n)
}

func TestCommandsOfSeveralValues(t *testing.T) {
	inWorld(t, nil, func(w *world) {
		var got kept[string]
		var faults kept[Code]
		w.srv.OnError(func(_ *Conn, err error) { faults.Add(CodeOf(err)) })
		On2(w.srv, "two", func(_ context.Context, c *Conn, first string, second int) error {
			got.Add(fmt.Sprint(c.Name(), first, second))
			return nil
		})
		On3(w.srv, "three", func(_ context.Context, c *Conn, first string, second int, third bool) error {
			got.Add(fmt.Sprint(c.Name(), first, second, third))
			return nil
		}, Concurrent())
		w.serve()
		cl := w.join(w.client("ada"))
		require.NoError(t, cl.Send("two", []any{"x", 1}))
		require.NoError(t, cl.Send("two", []any{"x"}))
		require.NoError(t, cl.Send("three", []any{"x", 1, true}))
		require.NoError(t, cl.Send("three", []any{"x", 1.5, true}))
		synctest.Wait()
		require.ElementsMatch(t, []string{"adax1", "adax1 true"}, got.All())
		require.Equal(t, []Code{CodeBadPayload, CodeBadPayload}, faults.All())
	})
}
