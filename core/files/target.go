package files

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"runtime"

	"github.com/hisock/hisock/core"
	"github.com/hisock/hisock/core/internal/lock"
)

// A Target is a place for a file to be received. Nothing is on the disk before the transfer begins.
// [Target.Close] ends the use of the Target.
type Target struct {
	folder  *Folder // nil if w is set
	name    string
	replace bool
	own     bool      // Close closes the folder
	w       io.Writer // gets the bytes; nil if folder is set

	mu    lock.Mutex[lock.FileTarget] // guards the fields below
	part  *os.File                    // the bytes so far; nil if it is not open
	whole *os.File                    // the file with that name, while it may be the offered one; nil if it is not open
	size  int64                       // of the part, in bytes
	why   error                       // why nothing more can be received; nil while it can
}

// Create returns a target for a new file; see [Folder.Create].
func Create(path string) (*Target, error) { return targetOf(path, false) }

// Replace returns a target for a file that may exist; see [Folder.Replace].
func Replace(path string) (*Target, error) { return targetOf(path, true) }

func targetOf(path string, replace bool) (*Target, error) {
	f, name, err := openFolderOf(path)
	if err != nil {
		return nil, err
	}
	t, err := f.Create(name)
	if err != nil {
		f.Close() //nolint:errcheck // it has not been used
		return nil, err
	}
	t.own, t.replace = true, replace
	return t, nil
}

// NewTarget returns a target that writes the bytes to w, before their checksum is known. There is only one transfer
// into it, from the first byte.
func NewTarget(w io.Writer) *Target { return &Target{w: w} }

// Close ends the use of the target. The bytes of a file that has not come whole stay for the next
// transfer. Close may be called more than once.
func (t *Target) Close() error {
	t.end(fs.ErrClosed)
	if t.own {
		return t.folder.Close()
	}
	return nil
}

// end ends the use of the target for the reason why.
func (t *Target) end(why error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.why == nil {
		t.why = why
	}
	t.close()
}

// close closes the open files. A part without bytes is removed.
func (t *Target) close() {
	if t.part != nil {
		if t.size == 0 && t.isPart() {
			t.folder.root.Remove(t.partName()) //nolint:errcheck // an empty file does no harm
		}
		t.part.Close() //nolint:errcheck // its bytes are checked again before they are used
	}
	if t.whole != nil {
		t.whole.Close() //nolint:errcheck // it was only read
	}
	t.part, t.whole = nil, nil
	if t.folder != nil {
		t.folder.leave(t)
	}
}

func (t *Target) partName() string { return t.name + partSuffix }

// begin begins a transfer. It returns the number of bytes here that may be the first bytes of the
// offered content.
func (t *Target) begin(what offer) (has int64, err error) {
	if t.folder != nil {
		t.folder.take(t)
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.why != nil {
		return 0, t.why
	}
	if t.folder == nil {
		if t.size > 0 {
			return 0, core.NewError(core.CodeInternal, "what was received cannot be taken back")
		}
		return 0, nil
	}
	t.closeFiles()
	there, err := t.openWhole(what)
	if err != nil || there {
		return what.size, err
	}
	if err = t.openPart(); err != nil {
		return 0, err
	}
	if !what.seek || t.size > what.size {
		return 0, nil
	}
	return t.size, nil
}

// closeFiles closes the files that an earlier transfer has left open.
func (t *Target) closeFiles() {
	for _, f := range []*os.File{t.part, t.whole} {
		if f != nil {
			f.Close() //nolint:errcheck // its bytes are checked again before they are used
		}
	}
	t.part, t.whole = nil, nil
}

// openWhole opens the file with that name if it may be the offered one.
func (t *Target) openWhole(what offer) (there bool, err error) {
	info, err := t.folder.root.Lstat(t.name)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return false, nil
	case err != nil:
		return false, err
	case !info.Mode().IsRegular():
		return false, errTaken
	case what.seek && what.size == info.Size():
		t.whole, err = t.folder.root.Open(t.name)
		return true, err
	case !t.replace:
		return false, errTaken
	}
	return false, nil
}

var errTaken = core.NewError(core.CodeNameTaken, "there is another file of that name")

// openPart opens the part, makes it if there is none, and locks it against other programs.
func (t *Target) openPart() error {
	for range 3 { // another program may rename it at this moment
		f, err := t.folder.root.OpenFile(t.partName(), os.O_RDWR|os.O_CREATE, 0o666)
		if err != nil {
			return err
		}
		t.part = f
		info, err := f.Stat()
		switch {
		case err != nil:
			return err
		case !info.Mode().IsRegular():
			return errNotRegular
		case !lockFile(f):
			return core.NewError(core.CodeUnavailable, "another program receives that file")
		case t.isPart():
			t.size = info.Size()
			return nil
		}
		t.closeFiles()
	}
	return core.NewError(core.CodeUnavailable, "another program receives that file")
}

// isPart reports whether the open part still has its name.
func (t *Target) isPart() bool {
	open, err := t.part.Stat()
	if err != nil {
		return false
	}
	named, err := t.folder.root.Lstat(t.partName())
	return err == nil && os.SameFile(open, named)
}

// readAt reads bytes that are here.
func (t *Target) readAt(p []byte, at int64) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.why != nil {
		return t.why
	}
	f := t.part
	if t.whole != nil {
		f = t.whole
	}
	_, err := f.ReadAt(p, at)
	return err
}

// start sets the offset of the next byte: the result of begin, or 0.
func (t *Target) start(at int64) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	switch {
	case t.why != nil:
		return t.why
	case t.folder == nil:
		return nil
	case t.whole != nil && at > 0:
		return nil // the whole content is here
	case t.whole != nil:
		if info, err := t.whole.Stat(); err == nil && info.Size() == 0 {
			return nil // the whole content is no bytes
		}
		if !t.replace {
			return errTaken
		}
		t.closeFiles()
		if err := t.openPart(); err != nil {
			return err
		}
	}
	if err := t.part.Truncate(at); err != nil {
		return err
	}
	t.size = at
	_, err := t.part.Seek(at, io.SeekStart)
	return err
}

// write writes the next bytes.
func (t *Target) write(p []byte) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.why != nil {
		return t.why
	}
	w := t.w
	if t.folder != nil {
		w = t.part
	}
	n, err := w.Write(p)
	t.size += int64(n)
	return err
}

// discard drops the bytes so far.
func (t *Target) discard() {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.part != nil && t.part.Truncate(0) == nil {
		t.size = 0
	}
}

// commit puts the file in its place.
func (t *Target) commit() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.why != nil {
		return t.why
	}
	if t.part == nil {
		return nil // the file exists already, or the bytes went to w
	}
	if err := t.part.Sync(); err != nil {
		return err
	}
	root := t.folder.root
	if _, err := root.Lstat(t.name); err == nil && !t.replace {
		t.size = 0
		return errTaken
	}
	if runtime.GOOS == "windows" { // an open file cannot be renamed there
		t.closeFiles()
	}
	if err := root.Rename(t.partName(), t.name); err != nil {
		return err
	}
	t.closeFiles()
	if dir, err := root.Open("."); err == nil {
		dir.Sync()  //nolint:errcheck // not every system can do that
		dir.Close() //nolint:errcheck
	}
	return nil
}

// again reports whether another transfer into the target can begin.
func (t *Target) again() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.why == nil && (t.folder != nil || t.size == 0)
}
