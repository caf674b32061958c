// Plays the turn kit on wazero: wazero compiler|interpreter CORE_WASM SESSIONS_FOLDER
// One line of JSON on standard output: README.md in the folder above.
package main

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"runtime/debug"
	"sort"
	"strconv"
	"strings"
	"time"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
)

const idleInstances = 20

var ctx = context.Background()

type turn struct{ request, response []byte }

type core struct {
	module            api.Module
	alloc, free, turn api.Function
}

func must[T any](value T, err error) T {
	if err != nil {
		panic(err)
	}
	return value
}

func newCore(runtime wazero.Runtime, compiled wazero.CompiledModule) core {
	module := must(runtime.InstantiateModule(ctx, compiled, wazero.NewModuleConfig().WithName("")))
	return core{module, module.ExportedFunction("alloc"), module.ExportedFunction("free"), module.ExportedFunction("turn")}
}

func (c core) takeTurn(request []byte) []byte {
	start := uint32(must(c.alloc.Call(ctx, uint64(len(request))))[0])
	if !c.module.Memory().Write(start, request) {
		panic("the buffer lies outside the memory")
	}
	packed := must(c.turn.Call(ctx, uint64(start), uint64(len(request))))[0]
	view, inside := c.module.Memory().Read(uint32(packed>>32), uint32(packed))
	if !inside {
		panic("the response lies outside the memory")
	}
	response := bytes.Clone(view)
	must(c.free.Call(ctx, packed>>32, uint64(uint32(packed))))
	return response
}

// The turns of each instance of a session.
func read(path string) (instances [][]turn) {
	data := must(os.ReadFile(path))
	rest, found := bytes.CutPrefix(data, []byte("CWTURNS1"))
	if !found {
		panic(path + " is no session")
	}
	field := func() []byte {
		end := 4 + binary.LittleEndian.Uint32(rest)
		bytes := rest[4:end]
		rest = rest[end:]
		return bytes
	}
	for len(rest) > 0 {
		kind := rest[0]
		rest = rest[1:]
		switch kind {
		case 1:
			instances = append(instances, nil)
		case 2:
			last := &instances[len(instances)-1]
			*last = append(*last, turn{field(), field()})
		default:
			panic(fmt.Sprintf("%s: kind %d", path, kind))
		}
	}
	return instances
}

type played struct {
	differences []string
	turns       int
	spent       time.Duration
}

func play(runtime wazero.Runtime, compiled wazero.CompiledModule, paths []string) (result played) {
	for _, path := range paths {
		for number, each := range read(path) {
			core := newCore(runtime, compiled)
			for index, turn := range each {
				begun := time.Now()
				response := core.takeTurn(turn.request)
				result.spent += time.Since(begun)
				result.turns++
				if !bytes.Equal(response, turn.response) {
					place := fmt.Sprintf("%s: instance %d, turn %d", filepath.Base(path), number, index)
					result.differences = append(result.differences, place)
					break
				}
			}
			must(0, core.module.Close(ctx))
		}
	}
	return result
}

// Bytes of this process in memory.
func resident() int64 {
	debug.FreeOSMemory()
	pages := strings.Fields(string(must(os.ReadFile("/proc/self/statm"))))[1]
	return must(strconv.ParseInt(pages, 10, 64)) * int64(os.Getpagesize())
}

func compile(config wazero.RuntimeConfig, wasm []byte) (wazero.Runtime, wazero.CompiledModule, float64) {
	begun := time.Now()
	runtime := wazero.NewRuntimeWithConfig(ctx, config)
	compiled := must(runtime.CompileModule(ctx, wasm))
	return runtime, compiled, milliseconds(time.Since(begun))
}

func milliseconds(duration time.Duration) float64 { return duration.Seconds() * 1000 }

func main() {
	wasm := must(os.ReadFile(os.Args[2]))
	paths := must(filepath.Glob(filepath.Join(os.Args[3], "*.turns")))
	sort.Strings(paths)
	if os.Args[1] == "interpreter" {
		runtime, compiled, first := compile(wazero.NewRuntimeConfigInterpreter(), wasm)
		report(runtime, compiled, first, nil, paths)
		return
	}
	folder := must(os.MkdirTemp("", "wazero"))
	defer os.RemoveAll(folder)
	config := func() wazero.RuntimeConfig {
		return wazero.NewRuntimeConfigCompiler().WithCompilationCache(must(wazero.NewCompilationCacheWithDir(folder)))
	}
	_, _, first := compile(config(), wasm)
	runtime, compiled, again := compile(config(), wasm)
	report(runtime, compiled, first, &again, paths)
}

func report(r wazero.Runtime, compiled wazero.CompiledModule, compiling float64, cached *float64, paths []string) {
	begun := time.Now()
	newCore(r, compiled)
	instantiating := milliseconds(time.Since(begun))
	before := resident()
	opening := read(paths[0])[0][0].request
	for range idleInstances {
		core := newCore(r, compiled)
		core.takeTurn(opening)
	}
	memory := (resident() - before) / idleInstances
	first, second := play(r, compiled, paths), play(r, compiled, paths)
	differences := append(append([]string{}, first.differences...), second.differences...)
	result := map[string]any{
		"version": version(), "compile_ms": compiling, "cached_ms": cached,
		"instantiate_ms": instantiating,
		"idle_bytes":     memory, "sessions": len(paths), "turns": first.turns, "differences": differences,
		"turns_per_second": int(float64(second.turns) / second.spent.Seconds()),
	}
	must(0, json.NewEncoder(os.Stdout).Encode(result))
}

func version() string {
	build, _ := debug.ReadBuildInfo()
	for _, dependency := range build.Deps {
		if dependency.Path == "github.com/tetratelabs/wazero" {
			return "wazero " + dependency.Version
		}
	}
	return "wazero"
}
