package wire

import (
	"encoding/hex"
	"encoding/json"
	"os"
	"reflect"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// A vector is one frame of testdata/vectors.json. testdata/README.md explains its fields.
type vector struct {
	Name      string       `json:"name"`
	Kind      string       `json:"kind"`
	Fields    vectorFields `json:"fields"`
	Hex       hexBytes     `json:"hex"`
	ParseOnly bool         `json:"parseOnly,omitempty"`
}

type vectorFields struct {
	Name     string            `json:"name,omitempty"`
	Old      string            `json:"old,omitempty"`
	Message  string            `json:"message,omitempty"`
	Reason   string            `json:"reason,omitempty"`
	Addr     string            `json:"addr,omitempty"`
	Groups   []string          `json:"groups,omitempty"`
	Metadata map[string]string `json:"metadata,omitempty"`

	Payload hexBytes `json:"payload,omitempty"`
	Details hexBytes `json:"details,omitempty"`
	Auth    hexBytes `json:"auth,omitempty"`
	Session hexBytes `json:"session,omitempty"`
	Token   hexBytes `json:"token,omitempty"`

	ID         uint64 `json:"id,omitempty,string"`
	Code       Code   `json:"code,omitempty,string"`
	Nonce      uint64 `json:"nonce,omitempty,string"`
	Received   uint64 `json:"received,omitempty,string"`
	Credit     uint64 `json:"credit,omitempty,string"`
	Version    uint64 `json:"version,omitempty,string"`
	MaxFrame   uint64 `json:"maxFrame,omitempty,string"`
	MaxName    uint64 `json:"maxName,omitempty,string"`
	MaxCommand uint64 `json:"maxCommand,omitempty,string"`
	MaxGroups  uint64 `json:"maxGroups,omitempty,string"`
	MaxCalls   uint64 `json:"maxCalls,omitempty,string"`
	AckBytes   uint64 `json:"ackBytes,omitempty,string"`
	RetryAfter uint64 `json:"retryAfter,omitempty,string"`
	Heartbeat  uint64 `json:"heartbeat,omitempty,string"`
	ResumeTime uint64 `json:"resumeTime,omitempty,string"`

	Group  string `json:"group,omitempty"`
	Epoch  uint64 `json:"epoch,omitempty,string"`
	Number uint64 `json:"number,omitempty,string"`
	Count  uint64 `json:"count,omitempty,string"`
	Again  bool   `json:"again,omitempty"`

	Positions []vectorPosition `json:"positions,omitempty"`

	Refused []vectorRefused `json:"refused,omitempty"`

	Notices bool `json:"notices,omitempty"`
	Resume  bool `json:"resume,omitempty"`
	Resumed bool `json:"resumed,omitempty"`

	OnlyResume bool `json:"onlyResume,omitempty"`

	Silent bool `json:"silent,omitempty"`

	All  bool     `json:"all,omitempty"`
	Turn int      `json:"turn,omitempty"`
	For  []uint64 `json:"for,omitempty"`
	Kept []uint64 `json:"kept,omitempty"`
}

type vectorRefused struct {
	Name       string `json:"name,omitempty"`
	Code       Code   `json:"code,omitempty,string"`
	Reason     string `json:"reason,omitempty"`
	RetryAfter uint64 `json:"retryAfter,omitempty,string"`
}

type vectorPosition struct {
	Group  string `json:"group,omitempty"`
	Epoch  uint64 `json:"epoch,omitempty,string"`
	Number uint64 `json:"number,omitempty,string"`
}

type hexBytes []byte

func (h *hexBytes) UnmarshalText(text []byte) (err error) {
	*h, err = hex.DecodeString(string(text))
	if len(*h) == 0 {
		*h = nil
	}
	return err
}

func readJSON[T any](t testing.TB, path string) (rows []T) {
	t.Helper()
	f, err := os.Open(path)
	require.NoError(t, err)
	defer f.Close()
	d := json.NewDecoder(f)
	d.DisallowUnknownFields()
	require.NoError(t, d.Decode(&rows))
	require.NotEmpty(t, rows)
	return rows
}

func goldenVectors(t testing.TB) []vector { return readJSON[vector](t, "testdata/vectors.json") }

// kindNamed returns the kind with that name, known or not.
func kindNamed(t *testing.T, name string) Kind {
	t.Helper()
	for k := range 256 {
		if Kind(k).String() == name {
			return Kind(k)
		}
	}
	require.FailNow(t, "no such kind", name)
	return 0
}

func TestVectors(t *testing.T) {
	seen := map[Kind]bool{}
	for _, v := range goldenVectors(t) {
		t.Run(v.Kind+"/"+v.Name, func(t *testing.T) {
			k := kindNamed(t, v.Kind)
			seen[k] = true
			f, size, ok, err := Next(v.Hex, 0)
			require.NoError(t, err)
			require.True(t, ok)
			require.Equal(t, len(v.Hex), size)
			require.Equal(t, k, f.Kind)
			got, err := parseFields(f)
			require.NoError(t, err)
			require.Equal(t, v.Fields, got)
			if !v.ParseOnly {
				prefix := []byte("before")
				want := append(prefix[:len(prefix):len(prefix)], v.Hex...)
				require.Equal(t, hex.EncodeToString(want), hex.EncodeToString(appendFields(prefix, k, v.Fields)))
			}
		})
	}
	for k := range Kind(0x80) {
		require.Equal(t, k.Known(), seen[k], "a vector for %v", k)
	}
}

// Each field of a hello and a welcome is in a vector: an implementation cannot leave one out.
func TestVectorsHaveEachField(t *testing.T) {
	left := map[string]bool{}
	note := func(kind string, fields reflect.Value) {
		for i := range fields.NumField() {
			name := kind + ": " + fields.Type().Field(i).Name
			if _, known := left[name]; !known || !fields.Field(i).IsZero() {
				left[name] = fields.Field(i).IsZero()
			}
		}
	}
	for _, v := range goldenVectors(t) {
		f, _, _, err := Next(v.Hex, 0)
		require.NoError(t, err)
		switch f.Kind {
		case KindHello:
			h, err := ParseHello(f.Body, nil)
			require.NoError(t, err)
			note(v.Kind, reflect.ValueOf(*h))
		case KindWelcome:
			w, err := ParseWelcome(f.Body, nil)
			require.NoError(t, err)
			note(v.Kind, reflect.ValueOf(*w))
		}
	}
	require.NotEmpty(t, left)
	for name, missing := range left {
		require.False(t, missing, "no vector has %s", name)
	}
}

// appendFields writes a frame with the function for its kind.
func appendFields(dst []byte, k Kind, v vectorFields) []byte {
	bye := Goodbye{v.Code, v.Reason, time.Duration(v.RetryAfter) * time.Millisecond, v.Details}
	failed := bye
	failed.Reason = v.Message
	who := &Presence{v.Name, v.Groups, v.Addr}
	switch k {
	case KindHello:
		return AppendHello(dst, &Hello{v.Version, v.Name, v.Groups, v.Auth, v.Metadata,
			v.Resume, v.Session, v.Token, v.Received, v.OnlyResume, v.Notices, positions(v.Positions), v.MaxFrame, v.AckBytes})
	case KindWelcome:
		return AppendWelcome(dst, &Welcome{v.Version, v.Session, v.Token,
			v.MaxFrame, v.MaxName, v.MaxCommand, v.MaxGroups, v.MaxCalls,
			time.Duration(v.Heartbeat) * time.Millisecond, v.Resumed, v.Received, v.Name, v.Groups, v.Addr, v.AckBytes,
			time.Duration(v.ResumeTime) * time.Millisecond, v.Notices, refusedGroups(v.Refused)})
	case KindRefuse:
		return AppendRefuse(dst, bye)
	case KindCommand:
		return AppendCommand(dst, v.Name, v.Payload)
	case KindRaw:
		return AppendRaw(dst, v.Payload)
	case KindRequest:
		return AppendRequest(dst, v.ID, v.Name, v.Payload)
	case KindReply:
		return AppendReply(dst, v.ID, v.Payload)
	case KindFailure:
		return AppendFailure(dst, v.ID, failed)
	case KindCancel:
		return AppendCancel(dst, v.ID)
	case KindStream:
		return AppendStream(dst, &OpenStream{v.ID, v.Credit, v.Silent, []byte(v.Name), v.Payload})
	case KindStreamPart:
		return AppendStreamPart(dst, v.ID, v.Payload)
	case KindStreamItem:
		return AppendStreamItem(dst, v.ID, v.Payload)
	case KindStreamEnd:
		return AppendStreamEnd(dst, v.ID, failed)
	case KindStreamCredit:
		return AppendStreamCredit(dst, v.ID, v.Credit)
	case KindPing:
		return AppendPing(dst, v.Nonce)
	case KindPong:
		return AppendPong(dst, v.Nonce)
	case KindAck:
		return AppendAck(dst, v.Received)
	case KindMissed:
		return AppendMissed(dst, v.Received)
	case KindStandstill:
		return AppendStandstill(dst, &Standstill{v.All, v.Turn, v.For, v.Kept})
	case KindGoodbye:
		return AppendGoodbye(dst, bye)
	case KindJoinGroup:
		return AppendJoinGroup(dst, v.Name)
	case KindLeaveGroup:
		return AppendLeaveGroup(dst, v.Name)
	case KindJoined:
		return AppendJoined(dst, who)
	case KindLeft:
		return AppendLeft(dst, who)
	case KindRename:
		return AppendRename(dst, v.Name)
	case KindRenamed:
		return AppendRenamed(dst, v.Old, v.Name, v.Addr)
	case KindAskJoin, KindAskLeave, KindAskRename:
		if k == KindAskJoin && v.Epoch != 0 {
			return AppendAskJoin(dst, v.ID, Position{v.Name, v.Epoch, v.Number})
		}
		return AppendAsk(dst, k, v.ID, v.Name)
	case KindReplay:
		return AppendReplay(dst, &Replay{v.Group, v.Epoch, v.Number, v.Count, v.Again})
	case KindReplayEnd:
		return AppendReplayEnd(dst, v.Name)
	case KindGroupCommand:
		return AppendGroupCommand(dst, v.Group, v.Number, v.Name, v.Payload)
	case KindGroupRaw:
		return AppendGroupRaw(dst, v.Group, v.Number, v.Payload)
	case KindGroupPassed:
		return AppendGroupPassed(dst, v.Group, v.Number)
	}
	return AppendFrame(dst, k, v.Payload)
}

// parseFields reads a body with the function for its kind and the default limits.
func parseFields(f Frame) (v vectorFields, err error) {
	var name, payload []byte
	switch f.Kind {
	case KindHello:
		var h *Hello
		if h, err = ParseHello(f.Body, nil); err == nil {
			v = vectorFields{Version: h.Version, Name: h.Name, Groups: h.Groups, Auth: h.Auth, Metadata: h.Metadata,
				Session: h.Session, Token: h.Token, Received: h.Received, Notices: h.Notices, MaxFrame: h.MaxFrame,
				Resume: h.Resume, AckBytes: h.AckBytes, OnlyResume: h.OnlyResume}
			for _, p := range h.Positions {
				v.Positions = append(v.Positions, vectorPosition(p))
			}
		}
	case KindWelcome:
		var w *Welcome
		if w, err = ParseWelcome(f.Body, nil); err == nil {
			v = vectorFields{Version: w.Version, Session: w.Session, Token: w.Token, MaxFrame: w.MaxFrame,
				MaxName: w.MaxName, MaxCommand: w.MaxCommand, MaxGroups: w.MaxGroups, MaxCalls: w.MaxCalls,
				Heartbeat: uint64(w.Heartbeat / time.Millisecond), Resumed: w.Resumed, Received: w.Received, AckBytes: w.AckBytes,
				Name: w.Name, Groups: w.Groups, Addr: w.Addr, ResumeTime: uint64(w.ResumeTime / time.Millisecond), Notices: w.Notices}
			for _, g := range w.Refused {
				v.Refused = append(v.Refused, vectorRefused{g.Name, g.Code, g.Reason, uint64(g.RetryAfter / time.Millisecond)})
			}
		}
	case KindRefuse:
		return goodbyeFields(ParseRefuse(f.Body))
	case KindGoodbye:
		return goodbyeFields(ParseGoodbye(f.Body))
	case KindCommand:
		name, payload, err = ParseCommand(f.Body)
	case KindRequest:
		v.ID, name, payload, err = ParseRequest(f.Body)
	case KindReply:
		v.ID, payload, err = ParseReply(f.Body)
	case KindFailure:
		return failureFields(ParseFailure(f.Body))
	case KindCancel:
		v.ID, err = ParseCancel(f.Body)
	case KindStream:
		var s OpenStream
		if s, err = ParseStream(f.Body); err == nil {
			v.ID, v.Credit, v.Silent, name, payload = s.ID, s.Window, s.Silent, s.Name, s.Arg
		}
	case KindStreamPart:
		v.ID, payload, err = ParseStreamPart(f.Body)
	case KindStreamItem:
		v.ID, payload, err = ParseStreamItem(f.Body)
	case KindStreamEnd:
		return failureFields(ParseStreamEnd(f.Body))
	case KindStreamCredit:
		v.ID, v.Credit, err = ParseStreamCredit(f.Body)
	case KindPing, KindPong:
		v.Nonce, err = ParseNonce(f.Body)
	case KindAck:
		v.Received, err = ParseAck(f.Body)
	case KindMissed:
		v.Received, err = ParseMissed(f.Body)
	case KindStandstill:
		var s *Standstill
		if s, err = ParseStandstill(f.Body); err == nil {
			v = vectorFields{All: s.All, Turn: s.Turn, For: s.For, Kept: s.Kept}
		}
	case KindJoinGroup, KindLeaveGroup, KindRename, KindReplayEnd:
		name, err = ParseName(f.Body)
	case KindReplay:
		var r *Replay
		if r, err = ParseReplay(f.Body, nil); err == nil {
			v = vectorFields{Group: r.Group, Epoch: r.Epoch, Number: r.Last, Count: r.Count, Again: r.Again}
		}
	case KindGroupCommand, KindGroupRaw, KindGroupPassed:
		var group []byte
		if group, v.Number, payload, err = ParseGroup(f.Kind, f.Body); err == nil && f.Kind == KindGroupCommand {
			name, payload, err = ParseCommand(payload)
		}
		if err != nil {
			return vectorFields{}, err
		}
		v.Group = string(group)
	case KindAskJoin:
		var p Position
		if v.ID, p, err = ParseAskJoin(f.Body); err == nil {
			v.Name, v.Epoch, v.Number = p.Group, p.Epoch, p.Number
		}
	case KindAskLeave, KindAskRename:
		v.ID, name, err = ParseAsk(f.Body)
	case KindJoined, KindLeft:
		var p *Presence
		if p, err = ParsePresence(f.Body, nil); err == nil {
			v = vectorFields{Name: p.Name, Groups: p.Groups, Addr: p.Addr}
		}
	case KindRenamed:
		v.Old, v.Name, v.Addr, err = ParseRenamed(f.Body, nil)
	default: // raw, and skipped kinds
		payload = f.Body
	}
	if len(name) > 0 {
		v.Name = string(name)
	}
	if len(payload) > 0 {
		v.Payload = payload
	}
	return v, err
}

func refusedGroups(rows []vectorRefused) (refused []RefusedGroup) {
	for _, g := range rows {
		refused = append(refused, RefusedGroup{g.Name, g.Code, g.Reason, time.Duration(g.RetryAfter) * time.Millisecond})
	}
	return refused
}

func positions(rows []vectorPosition) (to []Position) {
	for _, p := range rows {
		to = append(to, Position(p))
	}
	return to
}

func goodbyeFields(g Goodbye, err error) (vectorFields, error) {
	return vectorFields{Code: g.Code, Reason: g.Reason, RetryAfter: uint64(g.RetryAfter / time.Millisecond), Details: g.Details}, err
}

func failureFields(id uint64, g Goodbye, err error) (vectorFields, error) {
	v, err := goodbyeFields(g, err)
	v.ID, v.Message, v.Reason = id, g.Reason, ""
	return v, err
}
