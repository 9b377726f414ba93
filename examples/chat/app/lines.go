package app

import (
	"bufio"
	"context"
	"errors"
	"io"
	"strings"
)

// errLineTooLong is the error for a line that was too long and was skipped as a whole.
var errLineTooLong = errors.New("the line is too long")

// maxLine is the greatest length of a line, in bytes. Every valid message fits. A message that is slightly
// too long fits too, so that the error can say how much too long it is.
const maxLine = 8 * maxText

// A typed is one line of input, or the error for it.
type typed struct {
	text string
	err  error
}

// readLines sends each line of r without its line end. It closes the channel at the end of r or
// when ctx has ended, but it does not interrupt a Read that is under way. If r fails, readLines sends the error
// last.
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

// readLine reads one line. The last line may lack its line end.
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
