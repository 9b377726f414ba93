//go:build !js

package core

import (
	"bytes"
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"math/big"
	"net"
	"net/netip"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hisock/hisock/core/internal/classic"
	"github.com/hisock/hisock/core/internal/convert"
)

// Types as programs define them.
type (
	nickname string
	flag     bool
	steps    int
	offset   int8
	celsius  float64
	small    float32
	height   uint16
	picture  []byte
	none     struct{}
	nodes    []nickname
	intP     *int
	hex16    string // has its own form of JSON
	colour   struct{ r, g, b uint8 }
	code     struct{ n byte }
	grade    int
	id       [4]byte
	ring     *ring
	account  struct {
		Sum  big.Int
		Of   [1]colour
		At   *url.URL
		Nick nickname
	}
)

func (h hex16) MarshalJSON() ([]byte, error) { return json.Marshal("0x" + string(h)) }

func (h *hex16) UnmarshalJSON(b []byte) error {
	var s string
	err := json.Unmarshal(b, &s)
	*h = hex16(strings.TrimPrefix(s, "0x"))
	return err
}

func (c *colour) MarshalText() ([]byte, error) {
	return fmt.Appendf(nil, "%d/%d/%d", c.r, c.g, c.b), nil
}

func (c *colour) UnmarshalText(b []byte) error {
	_, err := fmt.Sscanf(string(b), "%d/%d/%d", &c.r, &c.g, &c.b)
	return err
}

func (c *code) MarshalBinary() ([]byte, error) { return []byte{c.n}, nil }

func (c *code) UnmarshalBinary(b []byte) error {
	if len(b) != 1 {
		return errors.New("not one byte")
	}
	c.n = b[0]
	return nil
}

// A grade has a method that writes text but none that reads it: it travels as binary.
func (g grade) MarshalText() ([]byte, error)   { return fmt.Appendf(nil, "grade %d", g), nil }
func (g grade) MarshalBinary() ([]byte, error) { return []byte{byte(g)}, nil }

func (g *grade) UnmarshalBinary(b []byte) error {
	*g = grade(b[0])
	return nil
}

func (i id) MarshalText() ([]byte, error) { return fmt.Appendf(nil, "%x", i[:]), nil }

func (i *id) UnmarshalText(b []byte) error {
	_, err := hex.Decode(i[:], b)
	return err
}

func (n nickname) String() string { return "nick " + string(n) }

func ptr[T any](v T) *T { return &v }

// A trip sends values of a type in each way that values travel, and back.
type trip struct {
	register func(w *world, name string)
	run      func(t *testing.T, w *world, name string, cl *Client)
}

// tripOf returns a trip of values. Each value arrives unchanged. list is false for types that do
// not travel as an element of a list, which only the codec converts.
func tripOf[T any](list bool, values ...T) trip {
	var got []T
	take := func(_ context.Context, _ *Conn, v T) error {
		got = append(got, keep(v))
		return nil
	}
	failing := func(_ context.Context, _ *Conn, v T) (T, error) {
		return v, &Error{Code: 1001, Details: v}
	}
	return trip{
		register: func(w *world, name string) {
			On(w.srv, name, take)
			Handle(w.srv, name, func(_ context.Context, _ *Conn, v T) (T, error) { return v, nil })
			Handle(w.srv, name+" fails", failing)
			On2(w.srv, name+" twice", func(_ context.Context, _ *Conn, a, b T) error {
				got = append(got, keep(a), keep(b))
				return nil
			})
		},
		run: func(t *testing.T, w *world, name string, cl *Client) {
			for _, v := range values {
				got = nil
				require.NoError(t, cl.Send(name, v))
				synctest.Wait()
				require.Equal(t, []T{v}, got, "Send and On")

				back, err := Call[T](w.ctx, cl, name, v)
				require.NoError(t, err)
				require.Equal(t, v, back, "Call and Handle")

				if list {
					got = nil
					require.NoError(t, cl.Send(name+" twice", []any{v, v}))
					synctest.Wait()
					require.Equal(t, []T{v, v}, got, "a list and On2")
				}
				if b, ok := convert.Bytes(v); any(v) == nil || ok && len(b) == 0 {
					continue // no details
				}
				_, err = Call[T](w.ctx, cl, name+" fails", v)
				require.Equal(t, Code(1001), CodeOf(err))
				if list {
					back, err = Details[T](err)
					require.NoError(t, err)
					require.Equal(t, v, back, "Details")
				}
			}
		},
	}
}

// keep copies bytes, which are valid until the handler returns.
func keep[T any](v T) T {
	switch b := any(&v).(type) {
	case *[]byte:
		*b = bytes.Clone(*b)
	case *picture:
		*b = bytes.Clone(*b)
	case **[]byte:
		if *b != nil {
			*b = ptr(bytes.Clone(**b))
		}
	}
	return v
}

// For every kind of type, On and Handle get the value that was sent, and Call gets it back, by
// every way that values travel.
func TestConvertEveryKindOfType(t *testing.T) {
	at := time.Date(2026, 11, 22, 20, 0, 0, 5, time.UTC)
	addr := netip.MustParseAddr("fe80::1%eth0")
	page := &url.URL{Scheme: "http", Host: "x", Path: "/a b", RawQuery: "q=1"}
	sum, long := big.NewInt(-7), new(big.Int).Exp(big.NewInt(10), big.NewInt(40), nil)
	mine := account{Sum: *long, Of: [1]colour{{1, 2, 3}}, At: page, Nick: "ada"}
	trips := map[string]trip{
		"string":                  tripOf(true, "", "x", "null", "héllo \u2028", " 42\n"),
		"named string":            tripOf[nickname](true, "", "ada", "null"),
		"string pointer":          tripOf(true, nil, ptr("x"), ptr("null")),
		"named string pointer":    tripOf(true, nil, ptr(nickname("ada"))),
		"pointer to pointer":      tripOf(true, nil, ptr(ptr("x"))),
		"json.Number":             tripOf[json.Number](true, "12", "1e9"),
		"bool":                    tripOf(true, true, false),
		"named bool":              tripOf[flag](true, true, false),
		"bool pointer":            tripOf(true, nil, ptr(true), ptr(false)),
		"int":                     tripOf(true, 0, -1, math.MaxInt, math.MinInt),
		"int8":                    tripOf[int8](true, -128, 127),
		"int16":                   tripOf[int16](true, -32768),
		"int32":                   tripOf[int32](true, math.MinInt32),
		"int64":                   tripOf[int64](true, math.MinInt64),
		"uint":                    tripOf[uint](true, math.MaxUint),
		"uint8":                   tripOf[uint8](true, 255),
		"uint16":                  tripOf[uint16](true, 65535),
		"uint32":                  tripOf[uint32](true, math.MaxUint32),
		"uint64":                  tripOf[uint64](true, math.MaxUint64),
		"uintptr":                 tripOf[uintptr](true, 7),
		"named int":               tripOf[steps](true, 0, -3),
		"named int8":              tripOf[offset](true, -128),
		"named uint16":            tripOf[height](true, 65535),
		"time.Duration":           tripOf(true, time.Hour),
		"time.Duration pointer":   tripOf(true, nil, ptr(time.Hour)),
		"int pointer":             tripOf(true, nil, ptr(0), ptr(7)),
		"int pointer with name":   tripOf(true, nil, intP(ptr(7))),
		"int pointers":            tripOf(true, nil, ptr(ptr(ptr(7)))),
		"float32":                 tripOf[float32](true, 1.5, math.MaxFloat32, math.SmallestNonzeroFloat32),
		"float64":                 tripOf(true, 0.1, -1e-7, 1e21, math.MaxFloat64, math.SmallestNonzeroFloat64),
		"named float64":           tripOf[celsius](true, -0.5),
		"named float32":           tripOf[small](true, 0.1),
		"float pointer":           tripOf(true, nil, ptr(0.1)),
		"bytes":                   tripOf(true, []byte{0, 255}, []byte("null")),
		"named bytes":             tripOf(true, picture{0, 255}, picture("null")),
		"bytes pointer":           tripOf(true, nil, ptr([]byte{0, 255})),
		"json.RawMessage":         tripOf(true, json.RawMessage(`{"a":[1,"b"]}`), json.RawMessage("7")),
		"json.RawMessage of null": tripOf(false, json.RawMessage("null")),
		"json.RawMessage of Go":   tripOf(true, nil, ptr(json.RawMessage("[1]"))),
		"nothing":                 tripOf(true, struct{}{}),
		"named nothing":           tripOf(true, none{}),
		"time.Time":               tripOf(true, at, time.Time{}),
		"time.Time pointer":       tripOf(true, nil, &at),
		"big.Int":                 tripOf(true, *sum, *long),
		"big.Int pointer":         tripOf(true, nil, sum, long),
		"big.Int pointers":        tripOf(true, nil, &long),
		"big.Rat":                 tripOf(true, *big.NewRat(1, 3)),
		"url.URL":                 tripOf(true, *page),
		"url.URL pointer":         tripOf(true, nil, page),
		"netip.Addr":              tripOf(true, addr, netip.Addr{}),
		"netip.Addr pointer":      tripOf(true, nil, &addr),
		"netip.AddrPort pointer":  tripOf(true, ptr(netip.AddrPortFrom(addr, 80))),
		"net.IP":                  tripOf(true, net.IPv6loopback),
		"net.IP pointer":          tripOf(true, nil, ptr(net.IPv6loopback)),
		"slog.Level":              tripOf(true, slog.LevelWarn, slog.Level(1)),
		"slog.Level pointer":      tripOf(true, nil, ptr(slog.LevelWarn)),
		"text of the pointer":     tripOf(true, colour{1, 2, 3}),
		"pointer with text":       tripOf(true, nil, &colour{1, 2, 3}),
		"binary of the pointer":   tripOf(false, code{0}, code{255}),
		"pointer with binary":     tripOf(false, nil, &code{7}),
		"half a pair, and one":    tripOf(false, grade(3), grade(255)),
		"array with text":         tripOf(true, id{1, 2, 255}),
		"named string with JSON":  tripOf[hex16](true, "", "ff"),
		"string pointer to JSON":  tripOf(true, nil, ptr(hex16("ff"))),
		"struct":                  tripOf(true, line{"a", "b"}, line{}),
		"struct pointer":          tripOf(true, nil, &line{"a", "b"}),
		"struct pointers":         tripOf(true, nil, ptr(&line{"a", "b"})),
		"struct of such":          tripOf(true, mine),
		"struct of such pointer":  tripOf(true, nil, &mine),
		"slice":                   tripOf(true, nil, []line{}, []line{{"a", "b"}, {}}),
		"slice of pointers":       tripOf(true, []*line{nil, {"a", "b"}}),
		"slice of numbers":        tripOf(true, []int{1, 2}),
		"slice of big.Int":        tripOf(true, []big.Int{*sum}),
		"slice of colours":        tripOf(true, []colour{{1, 2, 3}}),
		"named slice":             tripOf(true, nodes{"a", ""}),
		"slice pointer":           tripOf(true, nil, &[]int{1}),
		"map":                     tripOf(true, nil, map[string]int{}, map[string]int{"a": 1}),
		"map of addresses":        tripOf(true, map[netip.Addr]*url.URL{addr: page}),
		"map pointer":             tripOf(true, nil, &map[steps]nickname{1: "a"}),
		"array":                   tripOf(true, [2]int{1, 2}),
		"array of big.Int":        tripOf(true, [2]big.Int{*sum, *long}),
		"any":                     tripOf[any](true, nil, 1.5, true, []any{"a", nil}, map[string]any{"a": "b"}),
		"any pointer":             tripOf(true, nil, ptr[any](1.5)),
	}
	inWorld(t, nil, func(w *world) {
		for name, tc := range trips {
			tc.register(w, name)
		}
		w.serve()
		cl := w.join(w.client("ada"))
		for name, tc := range trips {
			tc.run(w.t, w, name, cl)
		}
		require.NoError(t, cl.Close())
	})
}

// Types of the same kind convert into each other, at whichever end they are.
func TestConvertKindsMeet(t *testing.T) {
	meet[string](t, nickname("ada"), "ada")
	meet[nickname](t, "ada", "ada")
	meet[*nickname](t, "ada", ptr(nickname("ada")))
	meet[string](t, ptr(ptr(nickname("ada"))), "ada")
	meet[steps](t, 3, 3)
	meet[int64](t, ptr(steps(3)), 3)
	meet[celsius](t, " 1e2\n", 100)
	meet[flag](t, "True", true)
	meet[[]byte](t, picture{1}, []byte{1})
	meet[picture](t, []byte{1}, picture{1})
	meet[struct{}](t, none{}, struct{}{})
	meet[none](t, "whatever", none{})
	meet[*netip.Addr](t, "::1", ptr(netip.MustParseAddr("::1")))
	meet[big.Int](t, "7", *big.NewInt(7))
	meet[json.RawMessage](t, 7, json.RawMessage("7"))
	meet[string](t, error(nil), "")
	meet[string](t, fmt.Stringer(nickname("ada")), "ada")
	meet[string](t, fmt.Stringer((*url.URL)(nil)), "")
	meet[string](t, ptr[any](ptr[any](nickname("ada"))), "ada")
	meet[*int](t, nil, nil)
	meet[*int](t, "null", nil)
	meet[*bool](t, json.RawMessage("null"), nil)
	meet[*line](t, nil, nil)
	meet[*line](t, json.RawMessage("null"), nil)
	meet[any](t, nil, nil)
	meet[fmt.Stringer](t, nil, nil)
}

func meet[T any](t *testing.T, sent any, want T) {
	t.Helper()
	b, err := encode(convert.Default{}, sent)
	require.NoError(t, err)
	got, err := decoded[T](convert.Default{}, b)
	require.NoError(t, err)
	require.Equal(t, want, got)
}

// The form in a frame to a peer of 3.0a is the form of the payload.
func TestFormOfEveryKind(t *testing.T) {
	var held any = nickname("ada")
	for name, tc := range map[string]struct {
		v    any
		want classic.Form
	}{
		"nil":              {nil, classic.FormBytes},
		"nil pointer":      {(*big.Int)(nil), classic.FormBytes},
		"string":           {"a", classic.FormText},
		"named":            {nickname("a"), classic.FormText},
		"pointer":          {ptr("a"), classic.FormText},
		"held":             {&held, classic.FormText},
		"text":             {slog.LevelInfo, classic.FormText},
		"its pointer's":    {*big.NewInt(7), classic.FormText},
		"binary":           {url.URL{}, classic.FormBytes},
		"bytes":            {picture{1}, classic.FormBytes},
		"nothing":          {none{}, classic.FormBytes},
		"float":            {celsius(1), classic.FormFloat},
		"pointer to float": {ptr(float32(1)), classic.FormFloat},
		"int":              {7, classic.FormJSON},
		"int8":             {int8(7), classic.FormJSON},
		"named int":        {ptr(steps(7)), classic.FormJSON},
		"bool":             {flag(true), classic.FormJSON},
		"struct":           {line{}, classic.FormJSON},
		"JSON":             {json.RawMessage("7"), classic.FormJSON},
	} {
		require.Equal(t, form(tc.want), formOf(tc.v), name)
	}
}

// Bytes are sent unchanged as details, also if their type has a name.
func TestDetailsOfNamedBytes(t *testing.T) {
	inWorld(t, nil, func(w *world) {
		fail := func(details any) func(context.Context, *Conn, struct{}) (int, error) {
			return func(context.Context, *Conn, struct{}) (int, error) { return 0, &Error{Code: 1001, Details: details} }
		}
		Handle(w.srv, "named", fail(picture{1, 2}))
		Handle(w.srv, "pointer", fail(ptr(picture{1, 2})))
		Handle(w.srv, "JSON", fail(json.RawMessage(`[1]`)))
		w.serve()
		cl := w.join(w.client("ada"))
		for _, command := range []string{"named", "pointer"} {
			_, err := Call[int](w.ctx, cl, command, nil)
			got, err := Details[picture](err)
			require.NoError(t, err)
			require.Equal(t, picture{1, 2}, got)
		}
		_, err := Call[int](w.ctx, cl, "JSON", nil)
		list, err := Details[[]int](err)
		require.NoError(t, err)
		require.Equal(t, []int{1}, list)
		cl.Close()
	})
}
