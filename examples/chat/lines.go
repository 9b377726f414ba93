package main

import (
	"bufio"
	"context"
	"errors"
	"io"
	"strings"
)

// errLineTooLong is why a line is not read: it is skipped as a whole.
var errLineTooLong = errors.New("the line is too long")

// maxLine is how many bytes a line may have: any message fits, and one that is somewhat
// too long does too, so that the error can say by how much.
const maxLine = 8 * maxText

// A typed is one line of input, or what is wrong with it.
type typed struct {
	text string
	err  error
}

// readLines sends each line of r without its end, and closes the channel at the end of r or
// once ctx has ended; a Read that is under way is not interrupted. An error
// other than the end of r is sent last.
func readLines(ctx context.Context, r io.Reader, to chan<- typed) {
	defer close(to)
	in := bufio.NewReaderSize(r, maxLine)
	for {
		text, err := readLine(in)
		if err == io.EOF {
			return
		}
		select {
		case to <- typed{text, err}:
		case <-ctx.Done():
			return
		}
		if err != nil && err != errLineTooLong {
			return
		}
	}
}

// readLine reads one line; the last may lack its end.
func readLine(in *bufio.Reader) (string, error) {
	raw, err := in.ReadSlice('\n')
	if err == bufio.ErrBufferFull {
		for err == bufio.ErrBufferFull {
			_, err = in.ReadSlice('\n')
		}
		if err != nil && err != io.EOF {
			return "", err
		}
		return "", errLineTooLong
	}
	if err == io.EOF && len(raw) > 0 {
		err = nil
	}
	return strings.TrimRight(string(raw), "\r\n"), err
}
