// Plays the turn kit on Endive: Player compiler|interpreter CORE_WASM SESSIONS_FOLDER
// One line of JSON on standard output: README.md in the folder conformance/engines.
package corewasm;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.function.Function;
import java.util.stream.Collectors;
import run.endive.compiler.MachineFactoryCompiler;
import run.endive.runtime.ExportFunction;
import run.endive.runtime.Instance;
import run.endive.runtime.InterpreterMachine;
import run.endive.runtime.Machine;
import run.endive.wasm.Parser;
import run.endive.wasm.WasmModule;

final class Player {
    private static final int IDLE_INSTANCES = 20;

    record Turn(byte[] request, byte[] response) {}

    record Played(List<String> differences, int turns, long nanoseconds) {}

    /** One instance. */
    static final class Core {
        private final Instance instance;
        private final ExportFunction alloc;
        private final ExportFunction free;
        private final ExportFunction turn;

        Core(WasmModule module, Function<Instance, Machine> machine) {
            instance = Instance.builder(module).withMachineFactory(machine).build();
            alloc = instance.export("alloc");
            free = instance.export("free");
            turn = instance.export("turn");
        }

        byte[] turn(byte[] request) {
            int start = (int) alloc.apply(request.length)[0];
            instance.memory().write(start, request);
            long packed = turn.apply(start, request.length)[0];
            int pointer = (int) (packed >>> 32);
            int length = (int) packed;
            byte[] response = instance.memory().readBytes(pointer, length);
            free.apply(pointer, length);
            return response;
        }
    }

    /** The turns of each instance of a session. */
    private static List<List<Turn>> read(Path path) {
        ByteBuffer data;
        try {
            data = ByteBuffer.wrap(Files.readAllBytes(path)).order(ByteOrder.LITTLE_ENDIAN);
        } catch (IOException error) {
            throw new IllegalStateException(path.toString(), error);
        }
        if (!new String(field(data, 8)).equals("CWTURNS1")) {
            throw new IllegalStateException(path + " is no session");
        }
        List<List<Turn>> instances = new ArrayList<>();
        while (data.hasRemaining()) {
            byte kind = data.get();
            switch (kind) {
                case 1 -> instances.add(new ArrayList<>());
                case 2 -> {
                    byte[] request = field(data, data.getInt());
                    byte[] response = field(data, data.getInt());
                    instances.get(instances.size() - 1).add(new Turn(request, response));
                }
                default -> throw new IllegalStateException(path + ": kind " + kind);
            }
        }
        return instances;
    }

    private static byte[] field(ByteBuffer data, int length) {
        byte[] bytes = new byte[length];
        data.get(bytes);
        return bytes;
    }

    private static Played play(WasmModule module, Function<Instance, Machine> machine, List<Path> paths) {
        List<String> differences = new ArrayList<>();
        int made = 0;
        long spent = 0;
        for (Path path : paths) {
            List<List<Turn>> instances = read(path);
            for (int number = 0; number < instances.size(); number++) {
                Core core = new Core(module, machine);
                List<Turn> turns = instances.get(number);
                for (int index = 0; index < turns.size(); index++) {
                    long begun = System.nanoTime();
                    byte[] response = core.turn(turns.get(index).request());
                    spent += System.nanoTime() - begun;
                    made++;
                    if (!Arrays.equals(response, turns.get(index).response())) {
                        differences.add(path.getFileName() + ": instance " + number + ", turn " + index);
                        break;
                    }
                }
            }
        }
        return new Played(differences, made, spent);
    }

    /** Bytes of live objects: the process's resident memory says nothing on a JVM. */
    private static long live() {
        for (int i = 0; i < 3; i++) {
            System.gc();
        }
        return Runtime.getRuntime().totalMemory() - Runtime.getRuntime().freeMemory();
    }

    public static void main(String[] arguments) throws IOException {
        byte[] wasm = Files.readAllBytes(Path.of(arguments[1]));
        List<Path> paths;
        try (var files = Files.list(Path.of(arguments[2]))) {
            paths = files.filter(each -> each.toString().endsWith(".turns")).sorted().toList();
        }
        long begun = System.nanoTime();
        WasmModule module = Parser.parse(wasm);
        Function<Instance, Machine> machine =
                arguments[0].equals("compiler") ? MachineFactoryCompiler.compile(module) : InterpreterMachine::new;
        long compiled = System.nanoTime();
        new Core(module, machine);
        long instantiated = System.nanoTime();
        byte[] opening = read(paths.get(0)).get(0).get(0).request();
        long before = live();
        List<Core> idle = new ArrayList<>();
        for (int i = 0; i < IDLE_INSTANCES; i++) {
            idle.add(new Core(module, machine));
            idle.get(i).turn(opening);
        }
        long memory = (live() - before) / idle.size();
        Played first = play(module, machine, paths);
        Played second = play(module, machine, paths);
        List<String> differences = new ArrayList<>(first.differences());
        differences.addAll(second.differences());
        System.out.printf(
                Locale.ROOT,
                "{\"version\": \"Endive %s\", \"compile_ms\": %f, \"cached_ms\": null, \"instantiate_ms\": %f, "
                        + "\"idle_bytes\": %d, \"sessions\": %d, \"turns\": %d, \"turns_per_second\": %d, "
                        + "\"differences\": [%s]}%n",
                System.getProperty("endive"),
                (compiled - begun) / 1e6,
                (instantiated - compiled) / 1e6,
                memory,
                paths.size(),
                first.turns(),
                Math.round(second.turns() / (second.nanoseconds() / 1e9)),
                differences.stream().map(each -> "\"" + each + "\"").collect(Collectors.joining(", ")));
    }
}
