package main

import (
	"bytes"
	"errors"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"github.com/hisock/hisock/core/files"
)

func TestLine(t *testing.T) {
	for name, tc := range map[string]struct {
		p    files.Progress
		took time.Duration
		want string
	}{
		"begins":  {files.Progress{Size: 1000}, 0, "f  [................]   0%  0 B  0 B/s"},
		"half":    {files.Progress{Done: 1 << 20, Size: 2 << 20}, time.Second, "f  [########........]  50%  1.0 MB  1.0 MB/s  1s left"},
		"goes on": {files.Progress{From: 1e9, Done: 2e9, Size: 3e9}, 10 * time.Second, "f  [##########......]  67%  2.0 GB  100.0 MB/s  10s left"},
		"all":     {files.Progress{Done: 5, Size: 5}, time.Second, "f  [################] 100%  5 B  5 B/s"},
		"nothing": {files.Progress{}, 0, "f  [################] 100%  0 B  0 B/s"},
		"unknown": {files.Progress{Done: 2000, Size: -1}, time.Second, "f  2.0 kB  2.0 kB/s"},
	} {
		require.Equal(t, tc.want, line("f", tc.p, tc.took), name)
	}
	long := line(strings.Repeat("é", 100), files.Progress{Done: 999e9, Size: 9999e9}, 1000*time.Second)
	require.LessOrEqual(t, utf8.RuneCountInString(long), 80, long)
}

func TestBar(t *testing.T) {
	var out bytes.Buffer
	b := newBar(&out, "a\x1bb")
	b.show(files.Progress{Size: 5})
	require.Empty(t, out.String(), "it is no terminal")
	b.moves = true
	b.show(files.Progress{Size: 5})
	require.Contains(t, out.String(), "\r\x1b[Ka�b  [")
	why := errors.New("why")
	require.Equal(t, why, b.end(files.Receipt{}, why))
	require.Contains(t, out.String(), "0 B/s\n")
	require.NoError(t, b.end(files.Receipt{Size: 5, From: 2}, nil))
	require.Contains(t, out.String(), "a�b: 5 B, SHA-256 00")
	require.Contains(t, out.String(), " (went on from 2 B)\n")
}

func TestAmount(t *testing.T) {
	for n, want := range map[int64]string{
		0: "0 B", 999: "999 B", 1000: "1.0 kB", 999_949: "999.9 kB", 999_950: "1.0 MB", 1 << 30: "1.1 GB", 5e12: "5.0 TB",
	} {
		require.Equal(t, want, amount(n))
	}
}
