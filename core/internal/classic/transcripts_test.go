package classic

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"os"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"
)

// A transcript is one file of testdata. testdata/README.md explains its fields.
type transcript struct {
	Scenario  string  `json:"scenario"`
	Version   string  `json:"version"`
	Note      string  `json:"note"`
	HeaderLen int     `json:"header_len"`
	Events    []event `json:"events"`
}

type event struct {
	Conn   int      `json:"conn"`
	Dir    string   `json:"dir"`
	Hex    hexBytes `json:"hex"`
	Len    int      `json:"len"`
	SHA256 hexBytes `json:"sha256"`
	Head   hexBytes `json:"head_hex"`
	Tail   hexBytes `json:"tail_hex"`
	End    string   `json:"end"`
}

type hexBytes []byte

func (h *hexBytes) UnmarshalText(text []byte) (err error) {
	*h, err = hex.DecodeString(string(text))
	return err
}

// bytes returns the bytes that went over the wire, including the ones that the file leaves out.
func (e *event) bytes(t testing.TB) []byte {
	t.Helper()
	if e.Len == 0 {
		return e.Hex
	}
	content := make([]byte, 1<<20)
	for i := range content {
		content[i] = byte(i)
	}
	for _, mark := range []string{"blob ", "blob$MSG$"} {
		if i := bytes.Index(e.Head, []byte(mark)); i > 0 && e.Len-i-len(mark) <= len(content) {
			content = content[:e.Len-i-len(mark)]
		}
	}
	blob := content
	if len(e.Head) < e.Len-len(blob) { // its command is in no field
		blob = append([]byte("1048581         blob "), content...)
	}
	b := append(e.Head[:e.Len-len(blob):e.Len-len(blob)], blob...)
	sum := sha256.Sum256(b)
	require.Equal(t, []byte(e.SHA256), sum[:])
	require.True(t, bytes.HasPrefix(b, e.Head) && bytes.HasSuffix(b, e.Tail))
	return b
}

// transcripts returns the transcripts of 0.0.2.
func transcripts(t testing.TB) []transcript {
	t.Helper()
	return transcriptsIn(t, "transcripts", "0.0.2")
}

func transcriptsIn(t testing.TB, dir, version string) []transcript {
	t.Helper()
	paths, err := filepath.Glob("testdata/" + dir + "/*.json")
	require.NoError(t, err)
	require.NotEmpty(t, paths)
	var all []transcript
	for _, path := range paths {
		text, err := os.ReadFile(path)
		require.NoError(t, err)
		d := json.NewDecoder(bytes.NewReader(text))
		d.DisallowUnknownFields()
		var tr transcript
		require.NoError(t, d.Decode(&tr), path)
		require.Equal(t, version, tr.Version)
		require.NotEmpty(t, tr.Events)
		all = append(all, tr)
	}
	return all
}

// A message is one frame of a transcript, and its meaning.
type message struct {
	conn    int
	dir     string
	frame   []byte
	payload []byte
	kind    string
	text    string // kind and contents, to compare
}

// messages splits a transcript and parses each payload like its receiver.
func (tr *transcript) messages(t testing.TB) (all []message) {
	t.Helper()
	joined := map[int]bool{}
	for _, e := range tr.Events {
		for b := e.bytes(t); len(b) > 0; {
			payload, size, ok, err := Next(b, tr.HeaderLen, 2<<20)
			require.NoError(t, err)
			require.True(t, ok, "nothing is left over")
			m := message{conn: e.Conn, dir: e.Dir, frame: b[:size], payload: payload}
			m.parse(t, e.Dir == "c2s" && !joined[e.Conn])
			joined[e.Conn] = true
			all = append(all, m)
			b = b[size:]
		}
	}
	return all
}

func (m *message) parse(t testing.TB, first bool) {
	t.Helper()
	if first {
		h, err := ParseHello(m.payload)
		require.NoError(t, err)
		m.kind, m.text = "hello", describe(h.Name)+" "+describe(h.Group)
		return
	}
	p, came, ok, err := ParseNotice(m.payload)
	require.NoError(t, err)
	name, content, isCommand := SplitCommand(m.payload)
	switch {
	case ok && m.dir == "s2c":
		m.kind = "left"
		if came {
			m.kind = "joined"
		}
		m.text = p.IP + ":" + strconv.Itoa(p.Port) + " " + describe(p.Name) + " " + describe(p.Group)
	case IsTLSProbe(m.payload):
		m.kind = "probe"
	case string(m.payload) == "$NOTLS$":
		m.kind = "no tls"
	case isCommand:
		m.kind, m.text = "command", string(name)+" "+strconv.Quote(string(content))
	default:
		m.kind, m.text = "raw", strconv.Quote(string(m.payload))
	}
}

func describe(l Label) string {
	if !l.Set {
		return "null"
	}
	return strconv.Quote(l.Text)
}

// rewrite writes the frame again from the parsed values.
func (m *message) rewrite(t testing.TB, headerLen int) []byte {
	t.Helper()
	p, _, _, _ := ParseNotice(m.payload)
	switch m.kind {
	case "hello":
		h, err := ParseHello(m.payload)
		require.NoError(t, err)
		return AppendHello(nil, headerLen, h)
	case "joined":
		return AppendConnected(nil, headerLen, p)
	case "left":
		return AppendDisconnected(nil, headerLen, p)
	case "no tls":
		return AppendNoTLS(nil, headerLen)
	case "command":
		name, content, _ := SplitCommand(m.payload)
		require.NoError(t, CheckCommand(string(name)))
		require.Equal(t, len(m.frame), CommandSize(headerLen, string(name), len(content)))
		return AppendCommand(nil, headerLen, string(name), content)
	case "raw":
		require.NoError(t, CheckRaw(m.payload))
	}
	return AppendFrame(nil, headerLen, m.payload)
}

// A parsed frame that is written again has the bytes of the original.
func TestTranscriptsRewritten(t *testing.T) {
	seen := map[string]bool{}
	for _, tr := range transcripts(t) {
		t.Run(tr.Scenario, func(t *testing.T) {
			for _, m := range tr.messages(t) {
				seen[m.kind] = true
				require.Equal(t, len(m.frame), Size(tr.HeaderLen, len(m.payload)))
				if !bytes.Equal(m.frame, m.rewrite(t, tr.HeaderLen)) {
					require.Equal(t, clip(m.frame), clip(m.rewrite(t, tr.HeaderLen)))
				}
			}
		})
	}
	for _, kind := range []string{"hello", "joined", "left", "probe", "no tls", "command", "raw"} {
		require.True(t, seen[kind], "the transcripts have a %s", kind)
	}
}

func clip(b []byte) string { return strconv.Quote(string(b[:min(len(b), 200)])) }

// A stream is parsed alike in one piece and byte by byte.
func TestTranscriptsByteAtATime(t *testing.T) {
	for _, tr := range transcripts(t) {
		t.Run(tr.Scenario, func(t *testing.T) {
			for _, m := range tr.messages(t) {
				for i := range m.frame {
					payload, size, ok, err := Next(m.frame[:i], tr.HeaderLen, 2<<20)
					want := 0
					if i >= tr.HeaderLen {
						want = len(m.frame)
					}
					if payload != nil || size != want || ok || err != nil {
						require.FailNow(t, "decided too early", "%d of %d bytes: %v %v %v", i, len(m.frame), size, ok, err)
					}
				}
			}
		})
	}
}

func TestTranscriptsParsed(t *testing.T) {
	tests := map[string][]string{
		"command_both_ways":  {`1 c2s hello "alice" "red"`, `1 c2s command sum "20,22"`, `1 s2c command sum "42"`},
		"empty_content":      {`1 c2s hello "alice" null`, `1 c2s command nop ""`, `1 s2c command nop ""`},
		"empty_raw":          {`1 c2s hello "alice" null`, `1 c2s raw ""`, `1 s2c raw ""`},
		"header_len_6":       {`1 c2s hello "alice" "red"`, `1 c2s command sum "1,2"`, `1 s2c command sum "3"`},
		"join_anonymous":     {`1 c2s hello null null`},
		"join_empty_strings": {`1 c2s hello "" ""`},
		"join_unicode_name":  {`1 c2s hello "Zoë \"Z\" 🦊" "grüppe"`},
		"leave_by_reset": {
			`1 c2s hello "alice" "red"`, `2 c2s hello "bob" "red"`,
			`1 s2c joined 127.0.0.1:45362 "bob" "red"`, `1 s2c left 127.0.0.1:45362 "bob" "red"`,
		},
		"marker_in_payload": {
			`1 c2s hello "alice" "red"`, `1 c2s command note "text with $CLTCONN$ and $MSG$ inside"`,
			`1 s2c joined 9.9.9.9:9 "forged" null`,
		},
		"prefix_match":  {`1 c2s hello "alice" null`, `1 c2s command echo2 "abc"`, `1 c2s raw "echoing"`},
		"raw_both_ways": {`1 c2s hello "alice" "red"`, `1 c2s command plain "bytes \x00\xff"`, `1 s2c command raw "answer \x00\xff"`},
		"send_all": {
			`1 c2s hello "alice" "red"`, `2 c2s hello null null`, `1 s2c joined 127.0.0.1:53662 null null`,
			`1 s2c command tick "7"`, `2 s2c command tick "7"`,
		},
		"several_in_one_segment": {
			`1 c2s hello "alice" null`, `1 c2s command n "0"`, `1 c2s command n "1"`, `1 c2s command n "2"`, `1 c2s raw "tail"`,
			`1 s2c command n "10"`, `1 s2c command n "11"`, `1 s2c raw "tail"`,
		},
		"tls_probe_refused": {`1 c2s hello "alice" null`, `1 c2s probe`, `1 s2c no tls`},
		"unicode_content":   {`1 c2s hello "alice" null`, `1 c2s command grüße "naïve – 日本語 🦊"`, `1 s2c command grüße "ответ"`},
	}
	found := 0
	for _, tr := range transcripts(t) {
		want, ok := tests[tr.Scenario]
		if !ok {
			continue
		}
		found++
		t.Run(tr.Scenario, func(t *testing.T) {
			var got []string
			for _, m := range tr.messages(t) {
				text := strconv.Itoa(m.conn) + " " + m.dir + " " + m.kind
				if m.text != "" {
					text += " " + m.text
				}
				got = append(got, text)
			}
			require.Equal(t, want, got)
		})
	}
	require.Len(t, tests, found)
}
