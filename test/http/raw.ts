import { connect, type Socket } from 'node:net'

/** All that the server sends until it ends the connection. */
export function raw(port: number, request: string): Promise<string> {
  return all(port, socket => socket.write(request))
}

/** The same, where the client ends its side of the connection behind the request (TCP's half-close). */
export function rawThenEnd(port: number, request: string): Promise<string> {
  return all(port, socket => socket.end(request))
}

function all(port: number, send: (socket: Socket) => unknown): Promise<string> {
  return new Promise(resolve => {
    let text = ''
    const socket: Socket = connect(port, '127.0.0.1', () => send(socket))
    socket.setTimeout(10_000, () => socket.destroy())
    socket.on('data', bytes => {
      text += bytes
    })
    // It may end while we still send.
    socket.on('error', () => undefined)
    socket.on('close', () => resolve(text))
  })
}

/** A request without a body, after which the connection ends. */
export function get(path: string, host = 'localhost', headers = ''): string {
  return `GET ${path} HTTP/1.1\r\nHost: ${host}\r\n${headers}Connection: close\r\n\r\n`
}

export function status(answer: string): number {
  return Number(/^HTTP\/1\.1 (\d{3}) /.exec(answer)?.[1])
}
